"""`python -m tests.hostile.everything`: measure, judge and write every scenario here, to read its memory."""

from agent.judge.verdict import judge
from tests.hostile import cases
from tests.support.runs import measured

if __name__ == "__main__":
    for name in cases.NAMES:
        cases.assert_harmless(judge(measured(cases.scenario(name))[0]))
