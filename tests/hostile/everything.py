"""`python -m tests.hostile.everything`: measures, judges and writes every scenario of this folder, so that a test can
read the memory of this process.
"""

from agent.judge.verdict import judge
from tests.hostile import cases
from tests.support.runs import measured

if __name__ == "__main__":
    for name in cases.NAMES:
        cases.assert_harmless(judge(measured(cases.scenario(name))[0]))
