#!/usr/bin/python3
"""cgroup_test.py STRATA: `strata footprint` inside a container of this machine, which is a cgroup
of version 1 made below our own: what it says of it is what the kernel says, the sum closes, and
one that is too small ends the call with one line and is counted. Exits 77, which CTest takes for
skipped, where no such cgroup can be made: without version 1's memory controller, or rights to it.
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

STRATA = ""
MIB = 1 << 20


def own_folder():
    """The folder of our own memory cgroup, version 1; None without one."""
    with open("/proc/self/cgroup", encoding="ascii") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if "memory" in controllers.split(","):
                return "/sys/fs/cgroup/memory" + path
    return None


class Container:
    def __init__(self, limit_bytes):
        self.folder = f"{own_folder().rstrip('/')}/strata-test-{os.getpid()}"
        os.mkdir(self.folder)
        with open(self.folder + "/memory.limit_in_bytes", "w", encoding="ascii") as file:
            file.write(str(limit_bytes))

    def run(self, *words):
        """In the container from its first page on."""
        return subprocess.run(
            ["/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', self.folder, *words],
            capture_output=True, text=True, timeout=120, check=False)

    def figure(self, name):
        with open(f"{self.folder}/{name}", encoding="ascii") as file:
            return int(file.read())

    def end(self):
        os.rmdir(self.folder)


class CgroupTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.source = os.path.join(cls.folder.name, "u.json")
        subprocess.run([STRATA, "gen", "unique", "--records", "200000", "-o", cls.source],
                       check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_footprint_says_what_the_kernel_says_and_the_sum_closes(self):
        container = Container(256 * MIB)
        try:
            done = container.run(STRATA, "footprint", self.source, "--format", "json")
            peak_bytes = container.figure("memory.max_usage_in_bytes")
        finally:
            container.end()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        process = json.loads(done.stdout)["process"]
        cgroup = process["cgroup"]
        self.assertEqual(cgroup["version"], 1)
        self.assertEqual(cgroup["path"], container.folder)
        self.assertEqual(cgroup["limit_bytes"], 256 * MIB)
        self.assertEqual(cgroup["oom_kills"], 0)
        self.assertLessEqual(cgroup["current_bytes"], cgroup["peak_bytes"])
        self.assertLessEqual(cgroup["peak_bytes"], peak_bytes)
        self.assertLessEqual(cgroup["working_set_bytes"], cgroup["current_bytes"])
        terms = {term["name"]: term["bytes"] for term in process["terms"]
                 if term["of"] == "cgroup"}
        self.assertEqual(terms["anonymous, this process"], process["anon_bytes"])
        # The process that started it waits beside it.
        self.assertGreater(terms["anonymous, the other processes"], 0)
        rest = process["unexplained_bytes"]["cgroup"]
        self.assertEqual(rest, cgroup["working_set_bytes"] - sum(terms.values()))
        # The kernel charges by batches of up to 64 pages a processor, and counts late.
        self.assertLess(abs(rest), 2 * MIB)

    def test_too_small_a_container_is_one_line_and_a_counted_kill(self):
        container = Container(12 * MIB)
        try:
            done = container.run(STRATA, "footprint", self.source)
            with open(container.folder + "/memory.oom_control", encoding="ascii") as file:
                kills = dict(line.split() for line in file)["oom_kill"]
        finally:
            container.end()
        self.assertGreaterEqual(int(kills), 1)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        if done.returncode > 0:  # else the kernel chose the one that waits
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn("died by signal 9", done.stderr)


def main():
    global STRATA
    STRATA = sys.argv.pop(1)
    if own_folder() is None:
        print("no memory controller of version 1 here")
        return 77
    try:
        Container(256 * MIB).end()
    except OSError as error:
        print("no cgroup can be made below our own:", error)
        return 77
    return unittest.main()


if __name__ == "__main__":
    sys.exit(main())
