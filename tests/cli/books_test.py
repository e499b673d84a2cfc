"""`strata footprint` of more than 100 MB closes its books to 1 % of anonymous memory, under glibc and
under jemalloc, without huge pages and with them, also beside a large block of somebody else's that
was never touched; and its sums add up to the byte.

    books_test.py STRATA LIBJEMALLOC UNTOUCHED_BLOCK
"""
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import unittest

STRATA = sys.argv.pop(1)
JEMALLOC = sys.argv.pop(1)
UNTOUCHED_BLOCK = sys.argv.pop(1)
# Many small blocks, and few large ones that are half empty.
RECORDS = {"std_map": "300000", "flat_hash_map": "450000"}
LEAST_BYTES = 100_000_000
PR_SET_THP_DISABLE = 41


def without_huge_pages():
    """Of this process and what it executes."""
    if ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0:
        raise OSError("prctl(PR_SET_THP_DISABLE) is refused")


class BooksTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def close(self, layout, allocator, environment, before=None):
        path = os.path.join(self.folder, layout + ".json")
        if not os.path.exists(path):
            subprocess.run([STRATA, "gen", "forum", "--records", RECORDS[layout], "-o", path],
                           check=True)
        done = subprocess.run([STRATA, "footprint", path, "--layout", layout, "--format", "json"],
                              check=True, capture_output=True, text=True, preexec_fn=before,
                              env={**os.environ, **environment})
        report = json.loads(done.stdout)
        process = report["process"]
        self.assertIn(allocator, process["allocator"]["name"])
        self.assertGreater(report["total_bytes"], LEAST_BYTES)
        self.assertEqual(report["total_bytes"], report["allocated_bytes"])
        self.assertEqual(report["total_bytes"],
                         sum(layer["total_bytes"] for layer in report["layers"]))
        sums = {"anon": process["anon_bytes"], "file": process["file_bytes"]}
        if process["cgroup"] is not None:
            sums["cgroup"] = process["cgroup"]["working_set_bytes"]
        for of, whole in sums.items():
            terms = [term for term in process["terms"] if term["of"] == of]
            self.assertTrue(all(term["source"] for term in terms))
            self.assertEqual(sum(term["bytes"] for term in terms) +
                             process["unexplained_bytes"][of], whole, of)
        rest = process["unexplained_bytes"]["anon"]
        setting = environment or (before.__name__ if before else "as it is")
        print(f"{layout}, {allocator} {setting}: {rest} of {sums['anon']} bytes, "
              f"{100 * rest / sums['anon']:.2f} %")
        self.assertLessEqual(abs(rest), 0.01 * sums["anon"])

    def test_under_glibc(self):
        advised = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
        self.close("std_map", "glibc", {})
        self.close("std_map", "glibc", {}, without_huge_pages)
        self.close("std_map", "glibc", advised)
        self.close("flat_hash_map", "glibc", advised)

    def test_under_jemalloc(self):
        preload = {"LD_PRELOAD": JEMALLOC}
        always = {**preload, "MALLOC_CONF": "thp:always"}
        self.close("std_map", "jemalloc", preload)
        self.close("std_map", "jemalloc", preload, without_huge_pages)
        self.close("std_map", "jemalloc", always)
        self.close("flat_hash_map", "jemalloc", always)

    def test_beside_a_block_that_was_never_touched(self):
        self.close("flat_hash_map", "glibc", {"LD_PRELOAD": UNTOUCHED_BLOCK})
        beside = {"LD_PRELOAD": f"{JEMALLOC}:{UNTOUCHED_BLOCK}"}
        self.close("flat_hash_map", "jemalloc", beside)
        self.close("flat_hash_map", "jemalloc", {**beside, "MALLOC_CONF": "thp:always"})


if __name__ == "__main__":
    unittest.main()
