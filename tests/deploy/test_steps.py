"""Which blocks of the document are run, and that a wrong one is noticed."""

from __future__ import annotations

import re

import pytest

from tests.deploy.conftest import run_step
from tests.deploy.machine import Machine, MachineError
from tests.deploy.steps import DOCUMENT, Step, read_steps

TEXT = """\
# Title

```sh
A=1
```

## 1. One

```sh
echo $A
```

```text
1
```

```console
$ not run
```
"""


def test_blocks_of_commands_are_steps_and_what_is_printed_belongs_to_them() -> None:
    assert read_steps(TEXT) == [Step("Title", "A=1\n", ""), Step("1. One", "echo $A\n", "1\n")]


def test_no_step_is_left_out() -> None:
    """Every heading with commands is one that a fixture or a test runs."""
    headings = [step.heading for step in read_steps(DOCUMENT.read_text("utf-8"))]
    run = ("Deploy", "1.", "2.", "3. nginx", "3, or", "4.", "5.", "6.", "7.", "What is set")
    assert [heading for heading in headings if not heading.startswith(run)] == []
    assert len(re.findall("^```sh$", DOCUMENT.read_text("utf-8"), re.MULTILINE)) == len(headings)


def test_a_step_that_fails_or_prints_something_else_is_noticed(machine: Machine) -> None:
    with pytest.raises(MachineError, match="exit 1 of"):
        run_step(machine, Step("", "false\ntrue", ""))
    with pytest.raises(AssertionError, match="under 'Two'"):
        run_step(machine, Step("Two", "echo $DOMAIN", "other.example\n"))
