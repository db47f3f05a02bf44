"""Data by key: fetched from where it is to be had, resumed, verified, unpacked without harm, kept whole."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from data_server import Server, deb, entry, package, sdist, serving, wheel
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import data, files
from autograder.cli import main
from autograder.course import load_course
from autograder.data import cache, client, fallback, fetch, fill, manifest, read, registry, unpack

ROOT = Path(__file__).resolve().parents[1]
FILES = {"a.txt": b"alpha\n", "deep/b.bin": random.Random(0).randbytes(100_000)}
INSIDE = {f"thing/data/{name}": content for name, content in FILES.items()}
WHEEL = wheel(INSIDE | {"thing/__init__.py": b"raise SystemExit('imported')"})


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch) -> Path:
    """An empty cache, short pauses between attempts."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(fetch, "PAUSE", 0.0)
    return tmp_path / "cache"


@pytest.fixture
def server():
    with serving() as running:
        yield running


def at(server: Server, raw: bytes = WHEEL, files: dict | None = None, **changes):
    """An entry whose package lies on the server, and is no package of any index."""
    server.files["/thing.whl"] = raw
    made = package("wheel", raw, urls=(f"{server.address}/thing.whl",), **changes)
    return entry(FILES if files is None else files, made)


@pytest.fixture
def no_index(monkeypatch):
    """pip has no index here."""

    def nowhere(_):
        raise client.NoIndex("no index in this test")

    monkeypatch.setattr(client, "link_of", nowhere)


def contents(folder: Path) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != manifest.NAME}


def left_over(folder: Path) -> list[str]:
    """Everything in the cache but locks."""
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock")


# ---- fetching


def test_a_key_is_fetched_once_and_then_read_offline(server, no_index, cache_folder):
    thing = at(server)
    fill.fill(thing)
    assert contents(cache.folder(thing)) == FILES
    assert cache.holds(thing) and cache.problems(thing) == []
    assert left_over(cache_folder) == [manifest.NAME, "a.txt", "b.bin"]
    fill.fill(thing)
    assert len(server.asked) == 1


@given(st.binary(min_size=1, max_size=60_000), st.lists(st.integers(1, 30_000), max_size=6), st.booleans())
@settings(deadline=None, max_examples=25)
def test_a_file_arrives_whole_however_often_the_connection_is_cut(raw, cuts, ranges):
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        server.files["/f"], server.cuts, server.ranges = raw, list(cuts), ranges
        heard: list[int] = []
        fetch.stream(f"{server.address}/f", Path(folder, "f"), len(raw), heard.append)
        assert Path(folder, "f").read_bytes() == raw
        assert heard[-1] == len(raw)


def test_an_interrupted_download_goes_on_where_it_stopped(server, no_index, cache_folder):
    thing = at(server)
    cache.make_room(cache.archive(thing.packages[0]))
    cache.archive(thing.packages[0]).write_bytes(WHEEL[:70_000])
    fill.fill(thing)
    assert server.asked == [("/thing.whl", "bytes=70000-")]
    assert contents(cache.folder(thing)) == FILES


def test_a_damaged_beginning_is_thrown_away_and_fetched_anew(server, no_index):
    thing = at(server)
    cache.make_room(cache.archive(thing.packages[0]))
    cache.archive(thing.packages[0]).write_bytes(b"x" * 70_000)
    fill.fill(thing)
    assert [wanted for _, wanted in server.asked] == ["bytes=70000-", ""]
    assert cache.holds(thing)


def test_what_arrived_before_giving_up_is_kept_for_the_next_time(server, no_index):
    thing = at(server)
    server.cuts = [50_000, 0, 0, 0, 0]
    with pytest.raises(data.Unavailable):
        fill.fill(thing)
    fill.fill(thing)
    assert server.asked[-1] == ("/thing.whl", "bytes=50000-")


@pytest.mark.parametrize(
    ("answer", "words"), [(404, "answered 404"), (500, "answered 500"), (403, "answered 403")], ids=str
)
def test_a_server_that_refuses_is_named_with_what_to_do(server, no_index, answer, words, cache_folder):
    thing = at(server)
    server.answer = answer
    with pytest.raises(data.Unavailable) as caught:
        fill.fill(thing)
    said = str(caught.value)
    assert words in said and "course data fetch thing" in said and "\n" not in said
    assert left_over(cache_folder) == []


def test_another_file_of_the_same_size_is_refused(server, no_index, cache_folder):
    thing = at(server)
    server.files["/thing.whl"] = WHEEL[:-1] + bytes([WHEEL[-1] ^ 1])
    with pytest.raises(data.Unavailable, match="another SHA-256"):
        fill.fill(thing)
    assert left_over(cache_folder) == [] and not cache.holds(thing)


@pytest.mark.parametrize("raw", [WHEEL + b"more", b"short"], ids=["larger", "smaller"])
def test_another_file_of_another_size_is_refused(server, no_index, raw):
    thing = at(server)
    server.files["/thing.whl"] = raw
    with pytest.raises(data.Unavailable):
        fill.fill(thing)
    assert not cache.holds(thing)


def test_files_that_the_registry_does_not_name_are_not_kept(server, no_index, cache_folder):
    thing = at(server, files=FILES | {"a.txt": b"ALPHA\n"})
    with pytest.raises(data.Unavailable, match="not those that"):
        fill.fill(thing)
    assert not any(path.is_dir() and path.name.startswith("thing") for path in cache_folder.glob("*"))


def test_the_second_source_serves_where_the_first_does_not(server, no_index):
    raw = wheel(INSIDE)
    server.files["/good.whl"] = raw
    good = package("wheel", raw, urls=(f"{server.address}/good.whl",))
    bad = replace(good, sha256="0" * 64, urls=(f"{server.address}/gone.whl",))
    fill.fill(entry(FILES, bad, instead=(good,)))
    assert [path for path, _ in server.asked] == ["/gone.whl", "/good.whl"]


def test_an_installed_package_with_just_these_files_spares_the_download(monkeypatch, tmp_path):
    top = tmp_path / "site" / "thing"
    for name, content in INSIDE.items():
        (top.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (top.parent / name).write_bytes(content)
    (top / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(top.parent))
    thing = entry(FILES, package("wheel", b"nowhere to be had"))
    fill.fill(thing)
    assert contents(cache.folder(thing)) == FILES
    (top / "data" / "a.txt").write_text("another version")
    monkeypatch.setattr(client, "link_of", lambda _: (_ for _ in ()).throw(client.NoIndex("asked the index")))
    cache.clear(thing)
    with pytest.raises(data.Unavailable, match="asked the index"):
        fill.fill(thing)


# ---- pip's index


@pytest.fixture
def index(server, monkeypatch):
    """pip is set up to use this server as its index, which holds thing 1.0 as a wheel."""
    name = "thing-1.0-py3-none-any.whl"
    body = wheel(
        INSIDE
        | {
            "thing-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
            "thing-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "thing-1.0.dist-info/RECORD": b"",
        }
    )
    server.files["/simple/thing/"] = f'<!DOCTYPE html><a href="/files/{name}">{name}</a>'.encode()
    server.files[f"/files/{name}"] = body
    for variable in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
    return entry(FILES, package("wheel", body))


def test_a_package_comes_from_the_index_that_pip_is_set_up_to_use(server, index):
    fill.fill(index)
    assert contents(cache.folder(index)) == FILES
    assert [path for path, _ in server.asked].count("/files/thing-1.0-py3-none-any.whl") == 1


def test_pip_downloads_where_its_index_serves_nobody_else(server, index):
    server.only_for = "pip/"
    fill.fill(index)
    assert contents(cache.folder(index)) == FILES


def test_without_an_index_the_message_is_one_line_within_seconds(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    started = time.monotonic()
    with pytest.raises(data.Unavailable) as caught:
        fill.fill(entry(FILES, package("wheel", WHEEL)))
    assert "\n" not in str(caught.value) and "index" in str(caught.value)
    assert time.monotonic() - started < 30


def test_a_password_that_pip_hides_is_not_taken_for_an_address(monkeypatch):
    said = "Found link https://me:****@host/thing-1.0-py3-none-any.whl (from https://me:****@host/simple/thing/)"
    monkeypatch.setattr(client, "pip", lambda *_, **__: subprocess.CompletedProcess([], 0, said, ""))
    with pytest.raises(client.NotFetched, match="not in pip's package index"):
        client.link_of(package("wheel", WHEEL))


def test_pips_own_settings_are_read_and_a_variable_beats_a_file(monkeypatch):
    said = "global.cert='/file.pem'\n:env:.cert='/variable.pem'\nglobal.proxy='http://proxy:3128'\n"
    monkeypatch.setattr(client, "pip", lambda *_, **__: subprocess.CompletedProcess([], 0, said, ""))
    assert client.settings() == {"cert": "/variable.pem", "proxy": "http://proxy:3128"}


# ---- processes


PROGRAM = """
import json, sys
sys.path[:0] = [{tests!r}]
from data_server import entry, package
from autograder.data import client, fill
def nowhere(_): raise client.NoIndex("none")
client.link_of = nowhere
raw = open({raw!r}, "rb").read()
files = {{name: open(path, "rb").read() for name, path in json.loads({files!r}).items()}}
fill.fill(entry(files, package("wheel", raw, urls=({url!r},))))
"""


@pytest.fixture
def program(server, tmp_path) -> list[str]:
    """A process that fetches the thing from the server."""
    server.files["/thing.whl"] = WHEEL
    (tmp_path / "raw").write_bytes(WHEEL)
    paths = {}
    for number, (name, content) in enumerate(FILES.items()):
        paths[name] = str(tmp_path / f"file{number}")
        Path(paths[name]).write_bytes(content)
    text = PROGRAM.format(
        tests=str(ROOT / "tests"),
        raw=str(tmp_path / "raw"),
        files=json.dumps(paths),
        url=f"{server.address}/thing.whl",
    )
    return [sys.executable, "-c", text]


def started(program: list[str]) -> subprocess.Popen:
    return subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_at_once_fetch_once(server, program):
    server.pause = 0.15
    both = [started(program) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert len(server.asked) == 1
    assert contents(cache.folder(at(server))) == FILES


# Windows has no signal that ends a process as a power cut does.
@pytest.mark.skipif(os.name == "nt", reason="kills with a POSIX signal")
def test_a_killed_process_leaves_its_beginning_and_no_lock(server, program, cache_folder):
    server.pause = 0.3
    process = started(program)
    partial = cache.archive(package("wheel", WHEEL))
    deadline = time.monotonic() + 30
    while not (partial.exists() and partial.stat().st_size >= 20_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    there = partial.stat().st_size
    assert 0 < there < len(WHEEL) and not cache.holds(at(server))
    server.pause = 0
    again = started(program)
    assert again.communicate(timeout=60) and again.returncode == 0
    assert server.asked[-1] == ("/thing.whl", f"bytes={there}-")
    assert cache.holds(at(server))


def test_an_interrupted_unpack_leaves_nothing_and_the_next_one_clears_up_after_a_kill(cache_folder):
    thing = entry(FILES)
    with pytest.raises(KeyboardInterrupt), cache.filling(thing) as folder:
        (folder / "a.txt").write_bytes(b"half")
        raise KeyboardInterrupt
    assert left_over(cache_folder) == []
    killed = cache_folder / cache.PARTIAL / "unpack" / "thing" / "of-a-killed-process"
    killed.mkdir(parents=True)
    (killed / "a.txt").write_bytes(b"half")
    with cache.filling(thing) as folder:
        for name, content in FILES.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    assert cache.holds(thing) and not killed.exists()


# Root may write into any folder, and Windows ignores the mode.
@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom the file modes bind")
def test_a_cache_that_cannot_be_written_is_one_line(server, no_index, tmp_path, monkeypatch):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    monkeypatch.setenv("COURSE_DATA", str(locked / "cache"))
    with pytest.raises(data.Unavailable, match="COURSE_DATA"):
        fill.fill(at(server))


def test_a_cache_below_a_file_is_one_line(server, no_index, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "file" / "cache"))
    with pytest.raises(data.Unavailable, match="cannot be written.*COURSE_DATA"):
        fill.fill(at(server))


# ---- unpacking


OUT = st.sampled_from(["thing/data/../../x", "thing/data/../../../etc/x", "thing/data/a/../../../../x"])


def refused(kind: str, raw: bytes, folder: Path, limit: int = 1_000_000, **changes) -> str:
    """What is said when an archive is refused; nothing is written beside the folder."""
    archive, inside = folder / "archive", folder / "inside"
    archive.write_bytes(raw)
    inside.mkdir(exist_ok=True)
    with pytest.raises(data.Unavailable) as caught:
        unpack.unpack(archive, package(kind, raw, **changes), inside, limit)
    assert {path.name for path in folder.iterdir()} <= {"archive", "inside", "cache"}
    return str(caught.value)


@given(OUT, st.sampled_from(["wheel", "sdist", "deb"]))
@settings(deadline=None, max_examples=12)
def test_a_path_that_leads_out_is_refused(name, kind):
    raw = {"wheel": wheel, "sdist": sdist, "deb": deb}[kind]({name: b"x"})
    with tempfile.TemporaryDirectory() as folder:
        assert "not an ordinary file inside" in refused(kind, raw, Path(folder))


def test_a_backslash_is_a_folder_and_leads_out_too(tmp_path):
    info = zipfile.ZipInfo("thing/data/x")
    info.filename = "thing/data/..\\..\\..\\x"
    raw = wheel({"thing/data/ok": b"x"})
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(info, b"x")
    raw = (tmp_path / "z.zip").read_bytes()
    (tmp_path / "z.zip").unlink()
    assert "not an ordinary file inside" in refused("wheel", raw, tmp_path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE], ids=str)
def test_a_link_or_a_device_in_a_tar_is_refused(kind, tmp_path):
    member = tarfile.TarInfo("thing/data/a.txt")
    member.type, member.linkname = kind, "/etc/passwd"
    assert "not an ordinary file" in refused("sdist", sdist({}, (member,)), tmp_path)


def test_a_link_in_a_wheel_is_refused(tmp_path):
    info = zipfile.ZipInfo("thing/data/a.txt")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "not an ordinary file" in refused("wheel", (tmp_path / "archive").read_bytes(), tmp_path)


def test_links_beside_the_chosen_files_are_left_alone(tmp_path):
    member = tarfile.TarInfo("thing/elsewhere")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    raw = sdist(INSIDE, (member,))
    (tmp_path / "archive").write_bytes(raw)
    unpack.unpack(tmp_path / "archive", package("sdist", raw), tmp_path / "inside", 10**6)
    assert contents(tmp_path / "inside") == FILES


@pytest.mark.parametrize("kind", ["wheel", "sdist", "deb"])
def test_a_bomb_is_cut_off_at_the_bytes_that_the_registry_names(kind, tmp_path):
    raw = {"wheel": wheel, "sdist": sdist, "deb": deb}[kind]({"thing/data/big": b"\0" * 30_000_000})
    assert len(raw) < 100_000
    assert "more bytes" in refused(kind, raw, tmp_path, limit=1_000_000)
    assert sum(map(len, contents(tmp_path / "inside").values())) <= 1_000_000


def test_a_bomb_inside_a_gz_is_cut_off_too(tmp_path):
    import gzip

    raw = gzip.compress(b"\0" * 30_000_000)
    said = refused("download", raw, tmp_path, file="big.gz", pick=("big.gz",), root="", gunzip=True)
    assert "more bytes" in said


def test_a_name_that_stands_twice_is_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        for content in ("one", "two"):
            archive.writestr("thing/data/a.txt", content)
    assert "twice" in refused("wheel", (tmp_path / "archive").read_bytes(), tmp_path)


@given(st.sampled_from(["wheel", "sdist", "deb"]), st.data())
@settings(deadline=None, max_examples=60)
def test_a_damaged_archive_is_refused_in_one_line_or_read(kind, chance):
    raw = bytearray({"wheel": wheel, "sdist": sdist, "deb": deb}[kind]({"thing/data/a.txt": b"alpha" * 50}))
    for _ in range(chance.draw(st.integers(1, 4))):
        raw[chance.draw(st.integers(0, len(raw) - 1))] ^= chance.draw(st.integers(1, 255))
    raw = raw[: chance.draw(st.integers(0, len(raw)))] if chance.draw(st.booleans()) else raw
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "archive")
        archive.write_bytes(raw)
        try:
            unpack.unpack(archive, package(kind, bytes(raw)), Path(folder, "inside"), 10_000)
        except data.Unavailable as problem:
            assert "\n" not in str(problem)
        assert {path.name for path in Path(folder).iterdir()} <= {"archive", "inside"}


def test_a_debian_package_gives_its_files(tmp_path):
    (tmp_path / "archive").write_bytes(deb(INSIDE))
    unpack.unpack(tmp_path / "archive", package("deb", b""), tmp_path / "inside", 10**6)
    assert contents(tmp_path / "inside") == FILES
    assert "no data.tar" in refused("deb", deb(INSIDE, data="data.tar.zst"), tmp_path)


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*.md", "a.md", True),
        ("*.md", "x/a.md", False),
        ("**/*.md", "a.md", True),
        ("**/*.md", "x/y/a.md", True),
        ("a.md", "aXmd", False),
        ("x/*", "x/a", True),
    ],
)
def test_a_pattern_keeps_to_its_folders(pattern, name, fits):
    made = package("wheel", b"", pick=(pattern,))
    assert (unpack.chosen(made, f"thing/data/{name}") == name) is fits
    assert unpack.chosen(made, name) is None


# ---- the cache


@pytest.mark.parametrize("damage", ["shorter", "missing", "no list", "changed"])
def test_damage_is_noticed_and_mended(damage, server, no_index, capsys):
    thing = at(server)
    fill.fill(thing)
    path = cache.folder(thing) / "a.txt"
    if damage == "shorter":
        path.write_bytes(b"al")
    elif damage == "missing":
        path.unlink()
    elif damage == "changed":
        path.write_bytes(b"ALPHA\n")
    else:
        (cache.folder(thing) / manifest.NAME).unlink()
    assert cache.problems(thing) != []
    if damage == "changed":  # of the same size: only `verify` reads the files
        cache.clear(thing)
    assert not cache.holds(thing)
    fill.fill(thing)
    assert cache.problems(thing) == [] and contents(cache.folder(thing)) == FILES


def test_clearing_a_key_leaves_its_neighbours(cache_folder):
    short, long = entry({}, key="gpt2"), entry({}, key="gpt2-vocabulary")
    for one in (short, long):
        with cache.filling(one):
            pass
    older = cache_folder / "gpt2-0123456789ab"
    older.mkdir()
    cache.clear(short)
    assert not cache.folder(short).exists() and not older.exists()
    assert cache.holds(long)


@pytest.mark.parametrize(
    ("platform", "variables", "end"),
    [
        ("linux", {}, ".cache/transformer-internals/data"),
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/transformer-internals/data"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, ".cache/transformer-internals/data"),
        ("darwin", {}, "Library/Caches/transformer-internals/data"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/transformer-internals/data"),
        ("darwin", {"COURSE_DATA": "/mine"}, "/mine"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(platform, variables, end, monkeypatch):
    for name in ("COURSE_DATA", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(files.sys, "platform", platform)
    assert cache.root().as_posix().endswith(end)


# ---- the registry


def test_every_key_can_be_read_and_every_fall_back_is_named():
    keys = registry.entries()
    assert set(keys) == set(read.READERS)
    assert {key for key, one in keys.items() if one.fallback} == set(fallback.FALLBACKS)
    assert all(f"| `{key}` |" in data.__doc__ for key in keys)


@pytest.mark.parametrize("one", registry.entries().values(), ids=lambda one: one.key)
def test_every_entry_is_complete_and_pinned(one):
    assert one.title and one.licence and one.origin.startswith("https://")
    assert all(re.fullmatch(r"\d\d-[a-z-]+/[a-z0-9_]+", name) for name in one.notebooks)
    assert one.files > 0 and one.unpacked > 0 and len(one.manifest) == 64
    for made in (*one.packages, *one.instead):
        assert len(made.sha256) == 64 and made.size > 0 and made.pick and made.version
        assert made.urls or made.kind in ("wheel", "sdist")
        assert (made.kind == "sdist") == made.file.endswith(".tar.gz")
        assert len(made.file) < 100 and "/" not in made.file


READS = re.compile(r'data\.(?:load|path)\("([^"]+)"\)|\bload_(minilm|smollm2)\(')


def test_a_notebook_that_reads_a_key_is_named_in_the_registry():
    for notebook in load_course(ROOT).notebooks:
        text = load_course(ROOT).source(notebook).read_text(encoding="utf-8")
        for match in READS.finditer(text):
            assert f"{notebook.module}/{notebook.name}" in registry.find(match[1] or match[2]).notebooks


def test_an_unknown_key_suggests_the_nearest():
    with pytest.raises(data.DataError, match="did you mean 'shakespeare'"):
        data.load("shakespear")


@pytest.mark.parametrize(
    ("text", "words"),
    [("[a", "not TOML"), ("[a]\ntitle = 1", "missing or malformed"), ("a = 1", "missing or malformed")],
)
def test_a_broken_registry_is_one_line(text, words, tmp_path):
    (tmp_path / "registry.toml").write_text(text)
    with pytest.raises(data.DataError, match=words):
        registry.entries(tmp_path / "registry.toml")


# ---- what load returns


@pytest.fixture
def offline(monkeypatch):
    """Nothing is installed and nothing can be fetched."""

    def nothing(thing):
        raise data.Unavailable(f"{thing.key} is not here")

    monkeypatch.setattr(fill, "fill", nothing)


@pytest.mark.parametrize("key", sorted(fallback.FALLBACKS))
def test_a_fall_back_says_so_and_is_the_same_every_time(key, offline, capsys):
    import numpy as np

    first = data.load(key)
    said = capsys.readouterr().out
    assert f"{key} is not here" in said and f"In its place: {registry.find(key).fallback}." in said
    second = data.load(key)
    if key in ("digits", "fashion"):
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    else:
        assert len(first) == len(second) and first[7] == second[7]


def test_without_a_fall_back_there_is_one_line_and_no_traceback(offline):
    with pytest.raises(data.Unavailable) as caught:
        data.load("shakespeare")
    assert caught.value._render_traceback_() == ["data: shakespeare is not here"]


def test_generated_pictures_and_dates_have_the_form_of_the_real(offline):
    images, labels = data.load("digits")
    assert images.shape == (1797, 8, 8) and images.dtype == "uint8" and images.max() <= 16
    assert labels.shape == (1797,) and set(labels) == set(range(10))
    train, train_labels, test, test_labels = data.load("fashion")
    assert train.shape[1:] == test.shape[1:] == (28, 28) and train.dtype == "uint8" and 200 < train.max() <= 255
    assert len(train) == len(train_labels) and len(test) == len(test_labels)
    pictures = data.load("emoji")
    assert {(picture.size, picture.mode) for picture, _ in pictures} == {((64, 64), "RGB")}
    assert len({name for _, name in pictures}) == len(pictures) == 320
    assert len({picture.tobytes() for picture, _ in pictures}) == 320
    written, figures = data.load("verses")[0]
    assert written.endswith(figures[:4]) and len(data.load("verses")) == 30_000


# ---- course data


def test_the_list_names_every_key_and_the_cache(capsys, cache_folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["data"]) == main(["data", "list"]) == 0
    said = capsys.readouterr().out
    assert all(key in said for key in registry.entries()) and str(cache_folder) in said


def test_commands_say_what_they_did_and_fail_where_they_must(server, no_index, monkeypatch, capsys, cache_folder):
    thing = at(server)
    monkeypatch.setattr(registry, "entries", lambda: {"thing": thing})
    monkeypatch.setattr("autograder.data.commands.entries", lambda: {"thing": thing})
    assert main(["data", "verify"]) == 0 and "nothing is in the cache" in capsys.readouterr().out
    assert main(["data", "verify", "thing"]) == 1 and "thing: not in the cache" in capsys.readouterr().out
    assert main(["data", "fetch", "all"]) == 0 and str(cache.folder(thing)) in capsys.readouterr().out
    assert main(["data", "verify"]) == 0 and "thing: good" in capsys.readouterr().out
    (cache.folder(thing) / "a.txt").write_bytes(b"ALPHA\n")
    assert main(["data", "verify"]) == 1
    assert "a.txt: changed since" in capsys.readouterr().out
    assert main(["data", "clear"]) == 0 and "0.1 MB freed" in capsys.readouterr().out
    assert left_over(cache_folder) == []
    server.answer = 404
    assert main(["data", "fetch", "thing"]) == 1 and "answered 404" in capsys.readouterr().out
    assert main(["data", "fetch", "thin"]) == 2 and "did you mean 'thing'" in capsys.readouterr().err


def test_importing_data_loads_nothing_heavy():
    ask = "import sys; from autograder import data; print(*{n.partition('.')[0] for n in sys.modules})"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"torch", "rich", "filelock", "PIL", "fontTools", "urllib3", "nbgrader", "IPython", "tokenizers", "gguf"}
    assert not heavy & set(done.stdout.split())
