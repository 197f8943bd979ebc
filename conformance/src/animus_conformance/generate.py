"""Write what is generated from the code: ``protocol.json``, the coverage page and the vectors.

Run it from the root of the repository: ``python -m animus_conformance.generate``. The tests compare, they never write.
"""

from pathlib import Path

from animus_conformance.export import export_text
from animus_conformance.traceability import coverage_page
from animus_conformance.vectors import derived_vectors, vector_lines

__all__ = ["main"]


def main(root: Path = Path()) -> None:
    """Write all of it below `root`."""
    here = root / "conformance"
    (here / "protocol.json").write_text(export_text(), encoding="utf-8")
    untested = (here / "untested.toml").read_text(encoding="utf-8")
    text = (root / "docs" / "protocol.md").read_text(encoding="utf-8")
    (root / "docs" / "protocol-coverage.md").write_text(coverage_page(text, untested), encoding="utf-8")
    (here / "vectors").mkdir(exist_ok=True)
    for module, vectors in derived_vectors().items():
        (here / "vectors" / f"{module}.jsonl").write_text(vector_lines(vectors), encoding="utf-8")


if __name__ == "__main__":
    main()
