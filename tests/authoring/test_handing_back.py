"""What somebody took over by hand and handed back goes on where it stood: its tasks are asked anew, with their whole
time; what was done stays done."""

from datetime import timedelta

from authoring.scenarios import reading
from authoring.scenarios.comparing import differences
from authoring.scenarios.playing import play, tell
from authoring.scenarios.reporting import as_text
from authoring.scenarios.suite import Case, Report
from domain.language import definition_text
from infra.commands.scenarios import demo_setting

DEFINITION = """\
definition: handed
title: Handed
owner: planner
opens: {on: [machine.state], when: "signal.state == 'aborted'", one_per: [signal.equipment]}
steps:
  - {notify: before, to: {role: planner}}
  - parallel:
      looking: [{task: look, to: {role: planner}, within: 2h}]
      meanwhile: [{wait: while, until: "false", within: 10m}, {notify: waited, to: {role: planner}}]
  - {notify: after, to: {role: planner}}
"""
SCENARIO = """\
scenario: A try
definition: handed
signals:
  - {at: 0s, type: machine.state, equipment: lathe-1, state: aborted}
answers: {lena: done look after 1h30m}
commands:
  - {at: 1m, by: piotr, command: hand_back}                          # refused: nobody has it
  - {at: 5m, by: piotr, command: take_over, reason: I call them}
  - {at: 1h, by: piotr, command: hand_back}
expect:
  asked: [{lena: look at 0s}, {lena: look at 1h}]
  told: [{lena: before at 0s}, {lena: waited at 1h}, {lena: after at 2h30m}]
  ends: completed at 2h30m
"""


def test_what_is_handed_back_goes_on_where_it_stood() -> None:
    scenario = reading.load(SCENARIO, "try.yaml", definition_text.load(DEFINITION), demo_setting())
    played = play(scenario)
    assert played.passed, as_text(Report([Case("try.yaml", played=played)]))
    assert played.story is not None
    assert [command.code for command in played.story.commands] == ["not_taken_over", "done", "done"]
    for effects in (1, 2, 3):
        renewed = tell(scenario, renew_after=effects)
        assert renewed is not None
        assert differences(played.story, renewed, scenario.start, timedelta(0)) == []
