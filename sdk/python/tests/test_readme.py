"""The examples of README.md, as they stand there: sources are imported, tests are run."""

import io
import re
import sys
import unittest
from pathlib import Path
from types import ModuleType

README = Path(__file__).resolve().parent.parent / "README.md"


def module(name: str, source: str) -> ModuleType:
    """A module of these sources, as `import` would make it."""
    made = ModuleType(name)
    sys.modules[name] = made
    exec(compile(source, f"README.md, {name}", "exec"), made.__dict__)
    return made


class Readme(unittest.TestCase):
    def setUp(self) -> None:
        self.addCleanup(sys.modules.pop, "plugin", None)

    def test_its_examples_run_and_their_tests_pass(self) -> None:
        blocks = re.findall(
            r"```python\n# (\S+)\.py\n(.*?)```", README.read_text("utf-8"), re.DOTALL
        )
        self.assertGreater(len(blocks), 3)
        for path, source in blocks:
            with self.subTest(path):
                name = path.rpartition("/")[2]
                made = module(name, source)
                tests = unittest.defaultTestLoader.loadTestsFromModule(made)
                said = io.StringIO()
                result = unittest.TextTestRunner(said).run(tests)
                self.assertTrue(result.wasSuccessful(), said.getvalue())
                self.assertEqual(result.testsRun > 0, path.startswith("tests/"))

    def test_every_block_says_which_file_it_is(self) -> None:
        blocks = re.findall(r"```python\n(.*)", README.read_text("utf-8"))
        self.assertEqual([line for line in blocks if not line.startswith("# ")], [])
