"""`docs/running.md` promises only what a test shows: each of its sentences names its test."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

ADVICE = (
    "This page explains",
    "| Exit code | Meaning |",
    "- A scheduler accepts everyone",
    "Keep it on a private network",
    "This recipe uses",
    "It follows that project's documentation",
    "The project folder must be",
    "On Windows, use WSL",
)
"""What is no promise."""

SHOWN = {
    "cli": {
        "`python run_all.py --help`": "run_all__is_the_same_command",
        "Notebooks are tasks of a graph": "main__answers_before_anything_heavy_is_imported",
    },
    "warm": {
        "Each runs in its own process": "start_task__is_a_new_python_to_its_notebook",
        "On Linux both are forked": "start_task__is_a_new_python_to_its_notebook",
    },
    "runner": {
        "A notebook runs again only": "run__runs_nothing_twice",
        "`--only 07` brings": "run__only_and_from_choose",
        "`run.json` records": "run__leaves_every_result_and_a_summary",
        "When a cell fails": "run__says_which_cell_failed_and_goes_on",
        "Everything that does not depend": "run__says_which_cell_failed_and_goes_on",
        "| 0 |": "run__marks_a_notebook_without_input_as_skipped",
        "| 130 |": "run__stopped_in_a_cell_takes_its_kernel_along_and_goes_on_later",
        "Stop a run in the background": "run__is_stopped_by_sigterm_as_by_ctrl_c_and_goes_on_later",
    },
    "progress": {
        "A terminal shows": "live_progress__shows_cell_time_and_memory",
    },
    "faults_run": {
        "Each kernel has a profile": "kernel__has_an_empty_profile_and_our_own_matplotlibrc",
        "Plain papermill": "open_run__refuses_what_the_runner_refuses",
        "| 2 |": "file__of_a_wrong_shape_is_refused_in_one_line",
        "| 141 |": "main__ends_with_141_when_nobody_reads",
        "Every error is one line": "main__turns_an_error_of_its_own_into_one_line",
        "`COHABIT_TRACEBACK=1`": "main__turns_an_error_of_its_own_into_one_line",
        "`--retries 2` runs": "run__tries_again_as_often_as_allowed",
        "When there has been no worker": "run__whose_only_workers_die_fails_and_says_so",
        "Every value of every setting": "sweep__checks_every_preset_before_any_kernel",
    },
    "runner_robust": {
        "| 1 |": "run__says_that_the_disk_is_full_and_goes_on_later",
        "Incomplete files are never read": "run__notices_one_changed_byte_in_any_file",
        "`--timeout 3600` stops": "timeouts__of_the_command_line_win_over_the_profile",
    },
    "kills": {
        "After Ctrl-C or a killed process": "run__killed_thrice_in_a_row_ends_with_the_same_bytes",
        "When a worker dies": "run__killed_thrice_in_a_row_ends_with_the_same_bytes",
    },
    "graph": {
        "By default tasks run on this machine": "run_graph__runs_as_many_at_once_as_asked",
    },
    "workers": {
        "With `--scheduler` they run": "run__on_two_workers_leaves_the_same_results",
        "- Workers need": "check_workers__refuses_another_file_system_or_other_versions",
        "Both are checked": "check_workers__refuses_another_file_system_or_other_versions",
        "- One notebook runs per worker": "run__on_two_workers_leaves_the_same_results",
        "When the runner stops or dies": "run__stopped_ends_its_kernel_on_the_worker",
        "The planner and the arena": "power__on_two_workers_is_that_of_this_process",
    },
    "faults_workers": {
        "A worker that joins later": "run__goes_on_when_a_worker_of_other_code_joins",
    },
    "sweep": {
        "A sweep runs the same notebooks": "sweep__leaves_a_folder_a_setting_and_one_report",
        "Each setting has a folder": "sweep__leaves_a_folder_a_setting_and_one_report",
        "Beside these folders": "sweep__leaves_a_folder_a_setting_and_one_report",
        "Failures do not stop a sweep": "sweep__reports_failures_and_resumes_them_alone",
        "`--check` and `--force` work": "sweep__is_checked_and_forced_like_a_run",
        "| Shipped |": "shipped_sweeps__are_right",
        "| `sweeps/pairs.toml` | 9": "shipped_sweeps__are_right",
        "| `sweeps/worlds.toml` | 12": "shipped_sweeps__are_right",
        "| `sweeps/luck.toml` | 20": "shipped_sweeps__are_right",
    },
    "paths": {
        "`cohabit` finds the collection": "root__is_found_upward",
    },
    "storage": {
        "`.cache/` keeps results": "write_cohort__keeps_estimands_by_design_and_notices_damage",
    },
}
"""How each sentence begins and the test that shows it, by the test's file."""


def read_sentences() -> list[str]:
    """Return the sentences, list items and table rows of the page, without its code."""
    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    blocks = re.sub(r"```.*?```", "", page, flags=re.DOTALL).split("\n\n")
    items = [item for block in blocks for item in re.split(r"\n(?=- |\| )", block.strip())]
    lines = [" ".join(item.split()) for item in items if item and not item.startswith("#")]
    return [part for line in lines for part in re.split(r"(?<=[.:])\s+(?=[A-Z`])", line)]


def test_page__promises_only_what_a_test_shows():
    sentences = read_sentences()
    known = [*ADVICE, *(start for shown in SHOWN.values() for start in shown)]
    for start in known:
        assert sum(each.startswith(start) for each in sentences) == 1, start
    for sentence in sentences:
        assert sum(sentence.startswith(start) for start in known) == 1, sentence


def test_page__names_tests_that_are_there():
    for file, shown in SHOWN.items():
        content = (ROOT / "tests" / f"test_{file}.py").read_text(encoding="utf-8")
        for test in shown.values():
            assert f"def test_{test}(" in content, test
