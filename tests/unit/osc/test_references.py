# SPDX-License-Identifier: Apache-2.0
"""Reference values from sha256sum output and from Debian packages."""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
import subprocess
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osc_lib.exceptions import CommandError

from nova_trusted_launch.osc import deb, references

CONTROL = b"Package: tool\nVersion: 1.2-3\nArchitecture: amd64\n"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def tar(files, suffix="xz"):
    """An archive of (name, contents or link)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{suffix}") as archive:
        for name, contents in files:
            member = tarfile.TarInfo(name)
            if isinstance(contents, bytes):
                member.size = len(contents)
                archive.addfile(member, io.BytesIO(contents))
            else:
                member.type, member.linkname = contents
                archive.addfile(member)
    return out.getvalue()


def ar(*members):
    out = b"!<arch>\n"
    for name, data in members:
        out += (f"{name:16}{0:<12}{0:<6}{0:<6}{'100644':8}"
                f"{len(data):<10}`\n").encode() + data + b"\n" * (
                    len(data) % 2)
    return out


def package(files, suffix="xz", control=CONTROL):
    end = f".{suffix}" if suffix else ""
    return ar(("debian-binary", b"2.0\n"),
              (f"control.tar{end}", tar([("./control", control)], suffix)),
              (f"data.tar{end}", tar(files, suffix)))


FILES = [("./usr/bin/tool", b"tool"), ("./bin/sh", b"shell"),
         ("./usr/bin/also", (tarfile.LNKTYPE, "./usr/bin/tool")),
         ("./usr/bin/link", (tarfile.SYMTYPE, "tool")),
         ("./usr/share/doc", (tarfile.DIRTYPE, "")),
         ("./etc/with space", b"x")]
VALUES = {sha256(b"tool"): ["/usr/bin/also", "/usr/bin/tool"],
          sha256(b"shell"): ["/bin/sh", "/usr/bin/sh"],
          sha256(b"x"): ["/etc/with space"]}


@pytest.fixture
def write(tmp_path):
    def written(data, name="tool.deb"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(path)
    return written


@pytest.mark.parametrize("suffix", ["", "gz", "xz", "bz2"])
def test_the_files_of_a_package_are_hashed(write, suffix):
    data = package(FILES, suffix)
    found = deb.read_deb(write(data))
    assert found.files == VALUES
    assert (found.name, found.version, found.architecture) == (
        "tool", "1.2-3", "amd64")
    assert found.sha256 == sha256(data)


def test_a_package_that_dpkg_made(tmp_path):
    """The same digests as of the files that dpkg unpacks."""
    dpkg = shutil.which("dpkg-deb")
    assert dpkg, "dpkg-deb comes with Debian"
    root = tmp_path / "root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_bytes(
        CONTROL + b"Maintainer: nobody <nobody@example.org>\n"
        b"Description: a tool\n more: of it\n")
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/tool").write_bytes(b"tool" * 100000)
    subprocess.run([dpkg, "--root-owner-group", "-Zxz", "-b", root,
                    tmp_path / "tool.deb"], check=True, capture_output=True)
    assert deb.read_deb(str(tmp_path / "tool.deb")).files == {
        sha256(b"tool" * 100000): ["/usr/bin/tool"]}


@pytest.mark.parametrize(("data", "said"), [
    (b"", "not a Debian package"), (b"!<arch>\n", "not a Debian package"),
    (b"PK\3\4" * 20, "not a Debian package"),
    (b"!<arch>\nshort", "archive is broken"),
    (ar(("debian-binary", b"2.0\n"), ("control.tar", tar([], ""))),
     "no control file"),
    (ar(("control.tar", tar([("control", CONTROL)], ""))),
     "not a Debian package"),
    (package(FILES, control=b"Package: tool\n"), "no control file"),
    (package([("../etc/shadow", b"x")]), "leads out"),
    (ar(("control.tar.zst", b"x")), "compressed with zst"),
    (package(FILES)[:-400], ""),
    (ar(("control.tar.xz", b"not xz at all")), "")])
def test_what_is_no_package_is_refused(write, data, said):
    with pytest.raises(deb.DebError, match=said):
        deb.read_deb(write(data))


def test_a_package_that_unpacks_to_too_much(write, monkeypatch):
    monkeypatch.setattr(deb, "MOST", 8)
    with pytest.raises(deb.DebError, match="more than 8 bytes"):
        deb.read_deb(write(package(FILES)))


def test_no_such_package(tmp_path):
    with pytest.raises(deb.DebError, match="No such file"):
        deb.read_deb(str(tmp_path / "nothing.deb"))


@given(st.integers(0, 400), st.integers(0, 255))
def test_any_changed_package_is_read_or_refused(tmp_path_factory, at, byte):
    data = bytearray(package([("./a", b"a")], "gz"))
    data[at % len(data)] = byte
    path = tmp_path_factory.mktemp("debs") / "a.deb"
    path.write_bytes(data)
    with contextlib.suppress(deb.DebError):
        deb.read_deb(str(path))


def test_packages_must_be_in_the_index(write):
    path = write(package(FILES))
    good = write("Package: tool\nFilename: pool/tool.deb\nSHA256: "
                 f"{deb.read_deb(path).sha256}\n\n", "Packages")
    other = write(f"Package: tool\nSHA256: {'00' * 32}\n", "Other")
    values, packages = references.read_debs([path], [other, good])
    assert values == VALUES
    assert [p.name for p in packages] == ["tool"]
    assert references.read_debs([path], [])[0] == VALUES
    with pytest.raises(CommandError, match="in none of the indexes"):
        references.read_debs([path], [other])
    with pytest.raises(CommandError, match="No such file"):
        references.read_debs([path], [path + ".gone"])
    with pytest.raises(CommandError, match="not a Debian package"):
        references.read_debs([good], [good])


def test_sums_of_every_form(write):
    a, b = "aa" * 32, "bb" * 32
    path = write(f"{a}  /bin/a\n{a} *bin/b\n\\{b}  /odd\\nname\\\\x\n"
                 f"{b}  /a\x85b\u2028c\n", "sums")
    assert references.read_sums([path], "/srv") == {
        a: ["/bin/a", "/srv/bin/b"], b: ["/a\x85b\u2028c", "/odd\nname\\x"]}


@pytest.mark.parametrize("line", [
    "aa  /bin/a", "A" * 64 + "  /bin/a", "a" * 64, "a" * 64 + "  ",
    "# comment"])
def test_other_lines_are_refused(write, line):
    with pytest.raises(CommandError, match=":1: not a line of sha256sum"):
        references.read_sums([write(line, "sums")], "/")


def test_sums_that_cannot_be_read(write, tmp_path):
    with pytest.raises(CommandError):
        references.read_sums([str(tmp_path / "gone")], "/")
    with pytest.raises(CommandError):
        references.read_sums([write(b"\xff\xfe", "sums")], "/")


def test_what_sha256sum_prints(tmp_path):
    odd = tmp_path / "with\\ odd\nname"
    odd.write_bytes(b"odd")
    done = subprocess.run(["sha256sum", odd], check=True,
                          capture_output=True, text=True)
    (tmp_path / "sums").write_text(done.stdout)
    assert references.read_sums([str(tmp_path / "sums")], "/") == {
        sha256(b"odd"): [str(odd)]}


def test_paths_as_ima_writes_them():
    assert references.as_ima_writes({"a": ["/x y", "/x_y", "/z"]}) == {
        "a": ["/x_y", "/z"]}


def test_values_are_merged():
    assert references.merged({"a": ["/1"]}, {"a": ["/0"], "b": []}) == {
        "a": ["/0", "/1"], "b": []}
