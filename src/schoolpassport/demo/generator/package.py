"""What makes a folder of data files a package: the manifest, and the zip."""

import shutil
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from schoolpassport.demo.generator.columns import ABSENT, COLUMNS


def write_manifest(*, folder: Path, system: str) -> None:
    modes = dict.fromkeys(COLUMNS, "bulk") | dict.fromkeys(ABSENT, "absent")
    rows = [
        ("propertyName", "value"),
        ("manifest.version", "1.0"),
        ("oneroster.version", "1.1"),
        *((f"file.{name}", modes[name]) for name in sorted(modes, key=str.lower)),
        ("source.systemName", system),
        ("source.systemCode", "demo"),
    ]
    text = "".join(f"{name},{_quoted(value)}\n" for name, value in rows)
    (folder / "manifest.csv").write_bytes(text.encode())


def zip_folder(folder: Path, target: Path) -> Path:
    """The folder's CSV files at the root of a zip. The same files give the same bytes, whenever they were written."""
    with ZipFile(target, "w") as package:
        for path in sorted(folder.glob("*.csv")):
            member = ZipInfo(path.name)  # dated 1980, as far back as a zip can
            member.compress_type = ZIP_DEFLATED
            member.file_size = path.stat().st_size
            member.external_attr = 0o644 << 16
            with path.open("rb") as source, package.open(member, "w") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    return target


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"' if set(value) & set(',"') else value
