"""Write what is generated from the code: protocol.json, the coverage page, the frozen requirement set, the vectors.

Run from the repository's root: ``python conformance/generate.py``. The tests compare, they never write.
"""

from pathlib import Path

from animus_conformance.export import export_text
from animus_conformance.traceability import coverage_page
from animus_conformance.vectors import derived_vectors, vector_lines

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    here = ROOT / "conformance"
    (here / "protocol.json").write_text(export_text(), encoding="utf-8")
    untested = (here / "untested.toml").read_text(encoding="utf-8")
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    (ROOT / "docs" / "protocol-coverage.md").write_text(coverage_page(text, untested), encoding="utf-8")
    (here / "vectors").mkdir(exist_ok=True)
    for module, vectors in derived_vectors().items():
        (here / "vectors" / f"{module}.jsonl").write_text(vector_lines(vectors), encoding="utf-8")


if __name__ == "__main__":
    main()
