"""Scenario files and the definitions that they are about: found, played, and summed up."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from authoring.scenarios import reading
from authoring.scenarios.coverage import Coverage, coverage_of
from authoring.scenarios.naming import ScenarioError
from authoring.scenarios.playing import Played, play
from authoring.scenarios.reading import Scenario
from authoring.scenarios.setting import Setting
from domain.errors import ConfigError
from domain.language import definition_text
from domain.language.definition import CallStep, Definition, walk
from domain.language.definition_text import Finding
from templates.text import text_faults

FOLDER = "scenarios"  # beside the definitions: scenarios/<definition>/*.yaml
DEFINITIONS = "definitions"  # of a site's folder
_UPWARDS = 3


@dataclass(frozen=True)
class Case:
    """One scenario file: played, or refused with what is wrong in it. `differs`: where another runtime told another
    story."""

    file: str
    title: str = ""
    played: Played | None = None
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    differs: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.played is not None and self.played.passed and not self.differs


@dataclass
class Report:
    """Every case, and what all scenarios of a definition went through."""

    cases: list[Case] = field(default_factory=list)
    coverage: dict[str, Coverage] = field(default_factory=dict)

    def passed(self, min_coverage: float = 0.0) -> bool:
        """`min_coverage`: 0 to 1, for each definition."""
        covered = all(one.share >= min_coverage for one in self.coverage.values())
        return bool(self.cases) and covered and all(case.passed for case in self.cases)


def files_of(paths: Iterable[Path], folders: Sequence[Path] = (Path(DEFINITIONS),)) -> list[Path]:
    """The scenario files that these names mean: themselves, all in a folder, or those of a definition's file, which
    a bare name means in `folders` too. Raises ConfigError for a name that means none."""
    found: list[Path] = []
    for path in (_found(path, folders) for path in paths):
        if path.is_dir():
            own = [file for file in sorted(path.rglob("*.yaml")) if _is_scenario(file)]
        elif _is_scenario(path):
            own = [path]
        else:
            own = sorted((path.parent / FOLDER / path.stem).glob("*.yaml"))
        if not own:
            raise ConfigError(f"{path}: no scenario here; they stand in {FOLDER}/<definition>/ beside the definition")
        found += [file for file in own if file not in found]
    return found


def _found(path: Path, folders: Sequence[Path]) -> Path:
    """A bare name is looked for as it is, then among the definitions in these folders."""
    bare = path.name == str(path)
    names = [path.name] if path.suffix else [path.name, f"{path.name}.yaml"]
    also = [folder / name for folder in folders for name in names] if bare else []
    there = next((one for one in (path, *also) if one.exists()), None)
    if there is None:
        looked = "".join(f", nor {folder / names[-1]}" for folder in folders) if bare else ""
        raise ConfigError(f"{path}: no such file or folder{looked}")
    return there


def _is_scenario(path: Path) -> bool:
    """By its first key that is no comment: a folder may hold definitions and site documents too."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return any(line.startswith("scenario:") for line in lines)


def scenarios(files: Iterable[Path], setting: Setting) -> Iterator[tuple[Path, Scenario | Case]]:
    """Each file as a scenario, or as a case that was refused."""
    known: dict[Path, Definition] = {}
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
            definition = _definition(reading.definition_of(text, str(path)), path, known)
            yield path, reading.load(text, str(path), definition, setting)
        except ScenarioError as error:
            yield path, Case(str(path), findings=tuple(error.findings))
        except ConfigError as error:  # of the definition: its message names the place
            yield path, Case(str(path), findings=(Finding(1, 1, error.message, error.code),))


def _definition(name: str, scenario: Path, known: dict[Path, Definition]) -> Definition:
    """The nearest definition of that name, from the scenario's folder upwards."""
    folders = [scenario.resolve().parent, *scenario.resolve().parents[1 : _UPWARDS + 1]]
    path = next((folder / f"{name}.yaml" for folder in folders if (folder / f"{name}.yaml").is_file()), None)
    if path is None:
        raise ConfigError(f"no definition '{name}': expected {name}.yaml in {folders[0]} or up to {_UPWARDS} above it")
    if path not in known:
        known[path] = bundled(definition_text.load(path.read_text(encoding="utf-8"), str(path), text_faults), path)
    return known[path]


def bundled(definition: Definition, path: Path, around: tuple[str, ...] = ()) -> Definition:
    """With the definitions that it calls, from its folder. Raises ConfigError when one is missing or calls back."""
    names = sorted({step.definition for _, step in walk(definition.steps) if isinstance(step, CallStep)})
    called = {}
    for name in names:
        there = path.with_name(f"{name}.yaml")
        if name in (definition.definition, *around) or not there.is_file():
            raise ConfigError(f"'{definition.definition}' calls '{name}', which is not beside it or calls it back")
        inner = definition_text.load(there.read_text(encoding="utf-8"), str(there), text_faults)
        called[name] = bundled(inner, there, (*around, definition.definition))
    return definition.model_copy(update={"bundled": called}) if called else definition


def run(files: Iterable[Path], setting: Setting, clock: Callable[[], float]) -> Report:
    """Play all of them in memory. `clock`: seconds, for how long each took."""
    report = Report()
    for path, read in scenarios(files, setting):
        if isinstance(read, Case):
            report.cases.append(read)
            continue
        name = read.definition.definition
        coverage = report.coverage.setdefault(name, coverage_of(read.definition))
        begun = clock()
        played = play(read, coverage)
        report.cases.append(Case(str(path), read.title, played, seconds=clock() - begun))
    return report
