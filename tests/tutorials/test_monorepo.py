"""Two projects in one repository and a linked worktree of it are one project to Animus."""

import json


def test_the_packages_of_a_monorepo_are_one_project(reader):
    reader.follow("monorepo.md")
    shop, sale = reader.place / "shop", reader.place / "sale"
    seen = [reader.ask(f"(cd {place} && animus status --json)") for place in (shop, shop / "greet", sale / "price")]
    assert {json.loads(text)["data"]["project_root"] for text in seen} == {str(shop)}
    assert len(list((reader.home / ".animus").glob("*/workflow.db"))) == 1
    assert (shop / "greet/greet.py").read_text().endswith('return f"Hello, {name}!"\n')
    assert (sale / "greet/greet.py").read_text().endswith('return f"Hello {name}"\n')
    assert reader.ask(f"git -C {shop} status --porcelain") == ""
