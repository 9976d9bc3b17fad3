"""`bertillon-server catalog`: what it imports is served, and what it refuses leaves the catalog as it was."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner, Result

from bertillon.coding.v1 import catalog_service_pb2 as pb
from bertillon.coding.v1 import coding_service_pb2 as coding_pb
from bertillon.coding.v1 import types_pb2 as types
from bertillon_server.app.cli import cli
from bertillon_server.app.components import build_components
from bertillon_server.app.metrics import Metrics
from bertillon_server.app.startup import StartupError
from bertillon_server.bundle.loader import load_bundle
from bertillon_server.bundle.manifest import ENCODER_FILE, TOKENIZER_FILE
from bertillon_server.catalog.codes import CatalogError
from bertillon_server.catalog.flags import ComplicationLevel, Edit, FlagKind, SexEdit
from bertillon_server.catalog.folder import CatalogFolder
from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.flow import CodingFlow
from bertillon_server.coding.imported import load_concepts
from bertillon_server.coding.pool import StagePool
from bertillon_server.coding.releases import Releases
from bertillon_server.inference.call import Call
from bertillon_server.inference.encoder import Encoder
from bertillon_server.inference.scheduler import Scheduler
from bertillon_server.inference.tokenizer import Tokenizer
from serving import Serve, error_details, settings_for_tests, small_catalog

SECRET = "Zxqvdescriptor"
CPT = (
    f"code,title,terms,billable,valid_from,valid_to\nT100,Heart pain {SECRET},chest pain,,,\nT200,Cough,,,,\n"
)
DIAGNOSES = """<?xml version="1.0"?><ICD10CM.tabular><chapter><name>10</name><desc>Breath</desc>
<section id="J20-J22"><desc>Short of it</desc><diag><name>J20</name><desc>Acute bronchitis</desc>
<diag><name>J20.9</name><desc>Acute bronchitis, {name}</desc></diag></diag></section></chapter></ICD10CM.tabular>"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from small_bundle import write_small_bundle  # noqa: PLC0415 - needs what makes bundles

    folder = tmp_path_factory.mktemp("bundle")
    write_small_bundle(folder)
    return folder


@pytest.fixture
def catalog_dir(tmp_path: Path) -> Path:
    return tmp_path / "catalog"


class Command:
    """The command with a catalog directory and a bundle of its own."""

    def __init__(self, folder: Path, catalog_dir: Path, bundle: Path) -> None:
        self._folder = folder
        self._places = (f"--catalog-dir={catalog_dir}", f"--bundle={bundle}")

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["catalog", *arguments, *self._places])

    def bring(self, system: str, text: str, *options: str, name: str = "codes.txt") -> Result:
        (self._folder / name).write_text(text, encoding="utf-8")
        begins = () if any(option.startswith("--from") for option in options) else ("--from=2026-01-01",)
        return self.run("import", f"--system={system}", str(self._folder / name), *begins, *options)

    def flag(self, kind: FlagKind, text: str, *options: str) -> Result:
        (self._folder / "flags.txt").write_text(text, encoding="utf-8")
        begins = () if any(option.startswith("--from") for option in options) else ("--from=2025-10-01",)
        return self.run(
            "import-flags", f"--list={kind.value}", str(self._folder / "flags.txt"), *begins, *options
        )


@pytest.fixture
def command(tmp_path: Path, catalog_dir: Path, bundle: Path) -> Command:
    return Command(tmp_path, catalog_dir, bundle)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def ok(*results: Result) -> None:
    for result in results:
        assert result.exit_code == 0, result.output


async def test_an_imported_system_is_looked_up_and_searched_beside_the_built_in_one(
    command: Command, catalog_dir: Path, serve: Serve
) -> None:
    ok(command.bring("icd-10-pcs", "0X103ZZ Bending of Great Toe\n0X113ZZ Bending of Little Toe\n"))
    async with serve(catalog_dir=catalog_dir) as up:
        code = await up.catalog.GetCode(pb.GetCodeRequest(system="icd-10-pcs", code="0x103zz"))
        mode = pb.SEARCH_MODE_TYPEAHEAD
        by_words = await up.catalog.SearchCodes(
            pb.SearchCodesRequest(system="icd-10-pcs", query="little toe", mode=mode)
        )
        by_code = await up.catalog.SearchCodes(
            pb.SearchCodesRequest(system="icd-10-pcs", query="0x1", mode=mode)
        )
        diagnosis = await up.catalog.GetCode(pb.GetCodeRequest(code="J20.9"))
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await up.catalog.GetCode(pb.GetCodeRequest(system="hcpcs", code="Z0001"))
        with pytest.raises(grpc.aio.AioRpcError) as absent:
            await up.catalog.GetCode(pb.GetCodeRequest(system="icd-10-pcs", code="0X123ZZ"))
    assert (code.code.code, code.title, code.billable) == ("0X103ZZ", "Bending of Great Toe", True)
    assert code.code.version == code.valid_from == "2026-01-01"
    assert [hit.code.code for hit in by_words.hits] == ["0X113ZZ"]
    assert [hit.code.code for hit in by_code.hits] == ["0X103ZZ", "0X113ZZ"]
    assert diagnosis.code.system == "icd-10-cm"
    assert unknown.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert absent.value.code() is grpc.StatusCode.NOT_FOUND


async def test_notes_are_coded_with_the_systems_that_are_loaded_and_no_other(
    command: Command, catalog_dir: Path, serve: Serve
) -> None:
    ok(command.bring("icd-10-pcs", "0X103ZZ Bending of Great Toe\n"))
    async with serve(catalog_dir=catalog_dir) as up:
        options = coding_pb.CodingOptions(code_systems=["icd-10-cm", "icd-10-pcs"])
        await up.coding.CodeSection(coding_pb.CodeSectionRequest(text="cough", options=options))
        options = coding_pb.CodingOptions(code_systems=["hcpcs"])
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.coding.CodeSection(coding_pb.CodeSectionRequest(text="cough", options=options))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("date", "system", "version", "title", "notice"),
    [
        ("2026-09-30", "icd-10-pcs", "FY2026", "Bending of Toe", None),
        ("2026-10-01", "icd-10-pcs", "FY2027", "Bending of Toe, Renamed", None),
        ("2027-10-01", "icd-10-pcs", "FY2027", "Bending of Toe, Renamed", types.NOTICE_KIND_NEAREST_RELEASE),
        ("", "icd-10-pcs", "FY2027", "Bending of Toe, Renamed", types.NOTICE_KIND_DEFAULT_RELEASE),
        ("2026-09-30", "icd-10-cm", "2026-04-01", "Acute bronchitis, unspecified", None),
        ("2026-10-01", "icd-10-cm", "2026-10-01", "Acute bronchitis, renamed", None),
    ],
)
async def test_the_date_of_service_chooses_between_releases_around_the_first_of_october(
    command: Command,
    catalog_dir: Path,
    tmp_path: Path,
    serve: Serve,
    date: str,
    system: str,
    version: str,
    title: str,
    notice: int | None,
) -> None:
    years = (
        ("FY2026", "2025-10-01", "2026-09-30", "0X103ZZ Bending of Toe\n"),
        ("FY2027", "2026-10-01", "2027-09-30", "0X103ZZ Bending of Toe, Renamed\n"),
    )
    for name, begins, ends, text in years:
        ok(command.bring("icd-10-pcs", text, f"--version={name}", f"--from={begins}", f"--to={ends}"))
    (tmp_path / "tabular.xml").write_text(DIAGNOSES.format(name="renamed"))
    ok(
        command.bring(
            "icd-10-cm", "J20\nJ209\n", f"--tabular={tmp_path / 'tabular.xml'}", "--from=2026-10-01"
        )
    )
    asked = "J20.9" if system == "icd-10-cm" else "0X103ZZ"
    async with serve(catalog_dir=catalog_dir) as up:
        code = await up.catalog.GetCode(pb.GetCodeRequest(system=system, code=asked, date_of_service=date))
        found = await up.catalog.SearchCodes(
            pb.SearchCodesRequest(
                system=system, query=title, date_of_service=date, mode=pb.SEARCH_MODE_TYPEAHEAD
            )
        )
    assert (code.code.version, code.title) == (version, title)
    assert (found.hits[0].code.version, found.hits[0].title) == (version, title)
    assert [note.kind for note in code.notices] == ([] if notice is None else [notice])


async def test_imported_codes_are_found_by_meaning(
    command: Command, catalog_dir: Path, bundle: Path, tmp_path: Path
) -> None:
    ok(command.bring("custom", CPT, "--id=cpt", name="cpt.csv"))
    folder = CatalogFolder(catalog_dir)
    opened = load_bundle(bundle)
    tokenizer = Tokenizer.from_file(opened.path(TOKENIZER_FILE))
    scheduler, pool = Scheduler(Encoder(opened.path(ENCODER_FILE)), workers=1), StagePool(1)
    with Catalog.open(small_catalog(tmp_path / "built-in.sqlite"), imported=folder) as catalog:
        (place,) = folder.codes()
        concepts = load_concepts(place, catalog.code_table("cpt", "2026-01-01"), opened, tokenizer)
        assert concepts is not None
        releases = Releases(catalog, "icd-10-cm", {}, {("cpt", "2026-01-01"): concepts})
        flow = CodingFlow(releases, scheduler, pool)
        await scheduler.start()
        try:
            found = await flow.search_semantic("chest pain", "cpt", "2026-01-01", 2, Call())
            nothing = await flow.search_semantic("chest pain", "cpt", "other", 2, Call())
        finally:
            await scheduler.stop(1)
            pool.shutdown()
    # By a term that is no title, and with the title of the code.
    assert [code for code, _, _ in found] == ["T100", "T200"]
    assert found[0][2] == pytest.approx(1, abs=0.01)
    assert nothing == []


def test_vectors_of_another_encoder_are_left_alone_and_damaged_ones_refused(
    command: Command, catalog_dir: Path, bundle: Path
) -> None:
    ok(command.bring("custom", CPT))
    (place,) = CatalogFolder(catalog_dir).codes()
    opened = load_bundle(bundle)
    tokenizer = Tokenizer.from_file(opened.path(TOKENIZER_FILE))
    with Catalog.open(place / "codes.sqlite") as catalog:
        table = catalog.code_table("custom", "2026-01-01")
    vectors = bytearray((place / "vectors.npy").read_bytes())
    vectors[-1] ^= 1
    (place / "vectors.npy").write_bytes(vectors)
    with pytest.raises(CatalogError, match="damaged"):
        load_concepts(place, table, opened, tokenizer)
    record = json.loads((place / "vectors.json").read_text())
    (place / "vectors.json").write_text(json.dumps(record | {"encoder": "other"}))
    assert load_concepts(place, table, opened, tokenizer) is None
    (place / "vectors.json").write_text("{}")
    with pytest.raises(CatalogError, match="damaged"):
        load_concepts(place, table, opened, tokenizer)


@pytest.mark.parametrize(
    ("system", "text", "said"),
    [
        ("icd-10-pcs", "0X103ZZ Bending\n0X1O3ZZ Bending\n", "codes.txt, line 2: a code has digits"),
        ("hcpcs", "Code,Description\nZ0001,A\nZ1,\n", "codes.txt, line 3: the title is missing"),
        ("custom", f"code,title\nT1,{SECRET}\nT2\n", "codes.txt, line 3: the row has 1 columns"),
    ],
)
def test_a_refused_file_is_one_line_and_leaves_the_catalog_as_it_was(
    command: Command, catalog_dir: Path, system: str, text: str, said: str
) -> None:
    good = {"icd-10-pcs": "0X103ZZ Bending\n", "hcpcs": "Code,Description\nZ0001,A\n", "custom": CPT}[system]
    ok(command.bring(system, good))
    before = files_below(catalog_dir)
    for options in (("--replace",), ("--version=another",)):
        result = command.bring(system, text, *options)
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"bertillon-server: {said}")
        assert SECRET not in result.output
        assert files_below(catalog_dir) == before


def test_an_import_whose_encoding_fails_leaves_the_catalog_as_it_was(
    tmp_path: Path, catalog_dir: Path, command: Command
) -> None:
    ok(command.bring("custom", CPT))
    before = files_below(catalog_dir)
    result = Command(tmp_path, catalog_dir, tmp_path / "no-bundle").bring("custom", CPT, "--replace")
    assert (result.exit_code, files_below(catalog_dir)) == (1, before)
    assert "there is no bundle at" in result.stderr


def test_a_release_is_replaced_only_on_request(command: Command, catalog_dir: Path) -> None:
    ok(command.bring("custom", CPT))
    again = command.bring("custom", CPT)
    assert again.exit_code == 1
    assert "is in the catalog already" in again.stderr
    ok(command.bring("custom", CPT.replace("Cough", "Bark"), "--replace"))
    with Catalog.open(catalog_dir / "codes" / "custom" / "2026-01-01" / "codes.sqlite") as catalog:
        entry = catalog.get("custom", "2026-01-01", "T200")
    assert entry is not None
    assert entry.title == "Bark"


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--id=icd-10-pcs",), 1, "name of an official system"),
        (("--id=../up",), 1, "a name or version has"),
        (("--version=.hidden",), 1, "a name or version has"),
        (("--to=2025-01-01",), 1, "before the first"),
        (("--from=2026-02-30",), 2, "YYYY-MM-DD"),
        (("--tables=x.xml",), 2, "belongs to icd-10-pcs"),
        (("--tabular=x.xml",), 2, "belongs to icd-10-cm"),
    ],
)
def test_wrong_usage_is_said_in_one_line(
    command: Command, catalog_dir: Path, options: Sequence[str], code: int, said: str
) -> None:
    result = command.bring("custom", CPT, *options)
    (line,) = result.stderr.splitlines()
    assert (result.exit_code, said in line) == (code, True), line
    assert not files_below(catalog_dir) if catalog_dir.exists() else True


async def test_descriptors_of_a_custom_set_reach_no_log_metric_or_error(
    command: Command, catalog_dir: Path, serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    imported = command.bring("custom", CPT, "--id=cpt")
    ok(imported)
    assert SECRET not in imported.output
    async with serve(catalog_dir=catalog_dir, log_level="debug") as up:
        reply = await up.catalog.GetCode(pb.GetCodeRequest(system="cpt", code="T100"))
        await up.catalog.SearchCodes(pb.SearchCodesRequest(system="cpt", query="pain"))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await up.catalog.GetCode(pb.GetCodeRequest(system="cpt", code="T999"))
        metrics = repr(list(up.metrics.registry.collect()))
    assert SECRET in reply.title
    written = capfd.readouterr()
    for text in (written.out, written.err, metrics, repr(caught.value), str(error_details(caught.value))):
        assert SECRET not in text


async def test_a_code_is_billable_on_its_own_dates_only(
    command: Command, catalog_dir: Path, serve: Serve
) -> None:
    rows = "T1,Old toe ring,2020-01-01,2026-03-31\nT2,Toe ring,,\n"
    ok(command.bring("custom", f"code,title,valid_from,valid_to\n{rows}"))
    async with serve(catalog_dir=catalog_dir) as up:
        replies = [
            await up.catalog.GetCode(pb.GetCodeRequest(system="custom", code="T1", date_of_service=date))
            for date in ("2026-03-31", "2026-04-01", "")
        ]
        found = await up.catalog.SearchCodes(
            pb.SearchCodesRequest(
                system="custom",
                query="toe ring",
                mode=pb.SEARCH_MODE_TYPEAHEAD,
                billable_only=True,
                date_of_service="2026-04-01",
            )
        )
    assert [reply.billable for reply in replies] == [True, False, True]
    assert (replies[0].code_valid_from, replies[0].code_valid_to) == ("2020-01-01", "2026-03-31")
    assert [hit.code.code for hit in found.hits] == ["T2"]


def test_a_catalog_directory_that_was_set_and_is_not_there_keeps_the_server_from_starting(
    tmp_path: Path,
) -> None:
    with pytest.raises(StartupError, match="there is no catalog directory at"):
        build_components(settings_for_tests(catalog_dir=tmp_path / "none"), Metrics())


HCC = "diagnosis_code,cc,model_name\nJ209,112,CMS-HCC Model V24\nJ209,280,CMS-HCC Model V28\n"
EDITS = (
    "code\tstart\tend\tflags\nJ209\t20151001\t\tunacceptable;pediatric\nJ209\t20151001\t20240930\tfemale\n"
)
LISTED = "Diagnosis Code\tDescription\nJ20.9\tAcute bronchitis\n"


async def test_flags_come_with_the_code_and_say_which_lists_spoke(
    command: Command, catalog_dir: Path, serve: Serve
) -> None:
    ok(
        command.flag(FlagKind.HCC, HCC, "--version=2026"),
        command.flag(FlagKind.POA_EXEMPT, LISTED, "--to=2026-09-30"),
        command.flag(FlagKind.CC, LISTED),
        command.flag(FlagKind.MCE, EDITS),
    )
    async with serve(catalog_dir=catalog_dir) as up:
        flagged = (await up.catalog.GetCode(pb.GetCodeRequest(code="J20.9"))).flags
        other = (await up.catalog.GetCode(pb.GetCodeRequest(code="J20.0"))).flags
        late = await up.catalog.GetCode(pb.GetCodeRequest(code="J20.9", date_of_service="2027-01-01"))
    assert (list(flagged.hcc_v24), list(flagged.hcc_v28)) == ([112], [280])
    assert flagged.poa_exempt
    assert flagged.complication == pb.COMPLICATION_LEVEL_CC
    assert list(flagged.edits) == [pb.CODE_EDIT_UNACCEPTABLE_PRINCIPAL]
    assert (flagged.ages.first_years, flagged.ages.last_years) == (0, 17)
    assert flagged.sex == types.SEX_UNSPECIFIED
    assert next((source.list, source.version) for source in flagged.sources) == (pb.FLAG_LIST_HCC, "2026")
    assert other.HasField("poa_exempt")
    assert (other.poa_exempt, list(other.hcc_v28), other.HasField("ages")) == (False, [], False)
    in_force = {source.list: source.in_force for source in late.flags.sources}
    assert (in_force[pb.FLAG_LIST_POA_EXEMPT], in_force[pb.FLAG_LIST_CC]) == (False, True)


def test_the_catalog_gives_typed_flags_for_a_date(
    command: Command, catalog_dir: Path, tmp_path: Path
) -> None:
    ok(command.flag(FlagKind.MCE, EDITS, "--from=2015-10-01"), command.flag(FlagKind.MCC, LISTED))
    packaged = small_catalog(tmp_path / "built-in.sqlite")
    with Catalog.open(packaged, imported=CatalogFolder(catalog_dir)) as catalog:
        then = catalog.flags("icd-10-cm", "2026-04-01", "j209", dt.date(2024, 9, 30))
        now = catalog.flags("icd-10-cm", "2026-04-01", "j209")
        assert catalog.flags("icd-10-cm", "2026-04-01", "X99") is None
    assert then is not None
    assert now is not None
    assert (then.sex, now.sex) == (SexEdit.FEMALE, None)
    assert (now.edits, now.age_years) == (frozenset({Edit.UNACCEPTABLE_PRINCIPAL}), (0, 17))
    assert (now.complication, now.poa_exempt) == (ComplicationLevel.MCC, None)
    with Catalog.open(packaged) as catalog:
        assert catalog.flags("icd-10-cm", "2026-04-01", "J20.9") is None


def test_the_list_shows_what_a_server_would_load(command: Command) -> None:
    ok(command.bring("custom", CPT, "--id=cpt", "--to=2026-12-31"), command.flag(FlagKind.CC, LISTED))
    result = command.run("list", "--format=json")
    ok(result)
    built_in, cpt, flags = json.loads(result.stdout)
    assert (built_in["system"], built_in["codes"], built_in["search"]) == ("icd-10-cm", 74_719, "built in")
    assert (cpt["system"], cpt["release"], cpt["codes"]) == ("cpt", "2026-01-01", 2)
    assert (cpt["valid_to"], cpt["search"], cpt["bytes"] > 0) == ("2026-12-31", "words and meaning", True)
    assert (flags["system"], flags["codes"]) == ("flags: cc", 1)
    table = command.run("list").stdout.splitlines()
    assert table[0].split() == ["SYSTEM", "RELEASE", "FROM", "TO", "CODES", "MB", "SEARCH"]
    assert len(table) == 4


def test_flags_are_read_from_several_threads_at_once(command: Command, catalog_dir: Path) -> None:
    ok(command.flag(FlagKind.CC, LISTED))
    with Catalog.open(imported=CatalogFolder(catalog_dir)) as catalog, ThreadPoolExecutor(4) as pool:
        asked = pool.map(lambda _: catalog.flags("icd-10-cm", "2026-04-01", "J20.9"), range(20))
        assert all(flags is not None and flags.complication is ComplicationLevel.CC for flags in asked)
