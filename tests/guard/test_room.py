"""What importing the room costs: its settings and its splitter are had without LlamaIndex."""

import subprocess
import sys


def test_settings_and_splitter_load_no_framework_and_no_arrays() -> None:
    code = (
        "import sys\nfrom tamis.guard import Guard, Pieces, guard_of\n"
        "guard_of({'judge': 'exact'})\nPieces().feed('a')\n"
        "print(*(name for name in ('llama_index', 'torch', 'numpy') if name in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (0, ""), run.stderr
