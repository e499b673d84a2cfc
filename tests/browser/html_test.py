"""The pages of `strata footprint`, `compare` and `diff` in a headless Chromium: they render, their
figures are those of the JSON, zooming works, nothing goes wrong and nothing is fetched.

    html_test.py STRATA HOSTILE_NAMES_PROGRAM [--pictures FOLDER]

With --pictures, a picture of each page in light, dark and phone width is kept there, to look at.
"""
import base64
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.ui import WebDriverWait

STRATA = sys.argv.pop(1)
HOSTILE = sys.argv.pop(1)
PICTURES = None
if "--pictures" in sys.argv:
    PICTURES = sys.argv.pop(sys.argv.index("--pictures") + 1)
    sys.argv.remove("--pictures")

SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--hide-scrollbars", "--disable-dev-shm-usage",
            # A click into a picture that still moves may meet nothing.
            "--force-prefers-reduced-motion"]
WAIT_SECONDS = 60


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def grouped(number):
    """As the page writes it: a real minus, commas."""
    return ("\u2212" if number < 0 else "") + f"{abs(number):,}"


def brief(name):
    """As the page writes a name: what is long is cut, and one that is empty is seen."""
    if name == "":
        return "(empty)"
    return name if len(name) <= 120 else name[:119] + "\u2026"


class Browser:
    """A Chromium with a profile of its own."""

    def __init__(self, folder, dark=False, width=1200, height=1400):
        options = Options()
        for switch in SWITCHES:
            options.add_argument(switch)
        options.add_argument("--user-data-dir=" + tempfile.mkdtemp(dir=folder))
        options.add_argument(f"--window-size={width},{height}")
        if dark:
            options.add_argument("--blink-settings=preferredColorScheme=0")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.resize(width, height)

    def resize(self, width, height):
        # A phone's width is narrower than a window may be.
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})

    def open(self, path):
        self.driver.get("file://" + path)
        self.wait(lambda: self.script("return document.documentElement.dataset.ready") == "true")

    def wait(self, condition):
        WebDriverWait(self.driver, WAIT_SECONDS).until(
            lambda _: condition(), "waited for " + inspect.getsource(condition).strip())

    def withhold_frames(self, test):
        """From the next page on and until `test` ends no script gets a frame: as on a machine that
        is so busy that the next one is late."""
        added = self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {
            "source": "window.requestAnimationFrame = () => 0;"})
        test.addCleanup(self.driver.execute_cdp_cmd,
                        "Page.removeScriptToEvaluateOnNewDocument", added)

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def table(self, name):
        """The rows of a table, each a dict of its columns."""
        return self.script("""
            const table = document.getElementById(arguments[0]);
            const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
            return [...table.tBodies[0].rows].map((row) => Object.fromEntries(
              [...row.cells].map((cell, i) => [heads[i], cell.textContent])));""", name)

    def picture(self, name):
        if PICTURES is None:
            return
        os.makedirs(PICTURES, exist_ok=True)
        self.driver.save_screenshot(os.path.join(PICTURES, name + ".png"))

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """The addresses that were asked for since the last call."""
        asked = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        return asked

    def quit(self):
        self.driver.quit()


class HtmlTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.reports = {}
        for name, records in (("a", "3000"), ("b", "4000")):
            run(STRATA, "gen", "forum", "--records", records, "-o", cls.path(name))
            for form in ("json", "html"):
                run(STRATA, "footprint", cls.path(name), "--format", form, "-o",
                    cls.path(f"footprint-{name}.{form}"))
        for form in ("json", "html"):
            run(STRATA, "compare", cls.path("a"), "--lookups", "2000", "--format", form, "-o",
                cls.path("compare." + form))
            run(STRATA, "diff", cls.path("footprint-a.json"), cls.path("footprint-b.json"),
                "--format", form, "-o", cls.path("diff." + form))
        cls.browser = Browser(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name if "." in name else name + ".json")

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)

    def data(self):
        return json.loads(self.browser.script(
            "return document.getElementById('data').textContent"))["report"]

    def open(self, name):
        self.browser.requests()
        self.browser.open(self.path(name))
        self.addCleanup(self.expect_quiet)

    def expect_quiet(self):
        self.assertEqual(self.browser.complaints(), [])
        self.assertEqual([url for url in self.browser.requests()
                          if not url.startswith(("file://", "data:"))], [])

    def expect_layers(self, table, layout):
        """The table's rows are the layers, their groups' sums and the sum of all."""
        rows = {}
        group = ""
        for row in self.browser.table(table):
            name = row["layer"]
            if "/" + name in {"/".join(["", *layer["name"].split("/")[1:]])
                              for layer in layout["layers"]
                              if layer["name"].startswith(group + "/")}:
                name = group + "/" + name
            else:
                group = name
            rows[name] = row
        for layer in layout["layers"]:
            row = rows[layer["name"]]
            self.assertEqual(row["total bytes"], grouped(layer["total_bytes"]))
            self.assertEqual(row["used"], grouped(layer["used_bytes"]))
            self.assertEqual(row["slack"], grouped(layer["slack_bytes"]))
            self.assertEqual(row["dead"], grouped(layer["dead_bytes"]))
            self.assertEqual(row["items"], grouped(layer["count"]))
        for name in {layer["name"].split("/")[0] for layer in layout["layers"]}:
            whole = sum(layer["total_bytes"] for layer in layout["layers"]
                        if layer["name"].split("/")[0] == name)
            self.assertEqual(rows[name]["total bytes"], grouped(whole))
        self.assertEqual(rows["all layers"]["total bytes"], grouped(layout["total_bytes"]))

    def expect_explained(self, selector):
        """Each layer and group, and each state of bytes, is explained where the mouse rests on its
        name, and layers are beneath the table, too, in the same words."""
        self.assertEqual(self.browser.script("""
            const table = document.querySelector(arguments[0]);
            const glossary = table.closest('section').querySelector('dl.glossary');
            const said = new Map([...glossary.querySelectorAll('dt')].map(
              (word) => [word.textContent, word.nextElementSibling.textContent]));
            let group = '';
            const unsaid = [...table.tBodies[0].rows].filter((row) => {
              const cell = row.cells[0].firstElementChild;
              const whole = [group + '/' + cell.textContent, cell.textContent]
                .find((name) => said.has(name));
              if (!said.has(group + '/' + cell.textContent)) group = cell.textContent;
              return whole === undefined || said.get(whole).length < 10 ||
                said.get(whole) !== cell.title;
            }).map((row) => row.textContent);
            const states = [...table.tHead.rows[0].cells].filter(
              (cell) => ['used', 'slack', 'dead'].includes(cell.textContent) &&
                cell.title.length < 10);
            return [...unsaid, ...states.map((cell) => cell.textContent)];""", selector), [])

    def expect_drawn(self, selector, at_least):
        shapes = self.browser.script(
            "return document.querySelector(arguments[0]).querySelectorAll('svg path').length",
            selector)
        self.assertGreaterEqual(shapes, at_least)

    def test_footprints_figures_are_the_jsons(self):
        self.open("footprint-a.html")
        report = self.data()
        # Timings and RSS are another run's, and packed's bytes vary a little with the seed of its
        # hashes; what the data decides is the same.
        written = self.read("footprint-a.json")
        for field in ("layout", "dataset"):
            self.assertEqual(report[field], written[field])
        self.assertAlmostEqual(report["std_map_bytes"] / written["std_map_bytes"], 1, 3)
        self.assertIn("of nested std::map", self.browser.find("body").text)
        self.expect_layers("layers", report)
        self.expect_explained("#layers")
        self.expect_drawn("#treemap", len([x for x in report["layers"] if x["total_bytes"]]))
        rows = self.browser.table("process")
        process = report["process"]
        figures = [row["bytes"] for row in rows]
        for term in process["terms"]:
            self.assertIn(grouped(term["bytes"]), figures)
        for of in ("anon", "file"):
            self.assertIn(grouped(process[of + "_bytes"]), figures)
            self.assertIn(grouped(process["unexplained_bytes"][of]),
                          [row["bytes"] for row in rows if row["term"] == "unexplained"])
        self.expect_drawn("#process-chart", 2)
        self.expect_figures_beside_bars()

    def zoomed(self):
        return self.browser.script("return document.getElementById('treemap').dataset.zoom")

    def largest_area(self):
        """The name in the middle of the largest layer's bytes. (In the middle of the picture there
        may be a gap between two layers, where a click and the mouse mean nothing.)"""
        return self.browser.script("""
            return [...document.querySelectorAll('#treemap svg text')]
              .find((text) => text.textContent === 'used');""")

    def test_click_zooms_in_and_out(self):
        self.open("footprint-a.html")
        self.assertEqual(self.zoomed(), "")
        before = self.browser.script("return document.querySelector('#treemap svg').textContent")
        ActionChains(self.browser.driver).click(self.largest_area()).perform()
        self.browser.wait(lambda: self.zoomed() != "")
        self.assertEqual(self.zoomed(), max(self.data()["layers"],
                                            key=lambda layer: layer["used_bytes"])["name"])
        self.assertNotEqual(before, self.browser.script(
            "return document.querySelector('#treemap svg').textContent"))
        ActionChains(self.browser.driver).click(self.largest_area()).perform()
        self.browser.wait(lambda: self.zoomed() == "")

    def test_what_the_page_says_is_drawn_though_frames_are_late(self):
        self.browser.withhold_frames(self)
        self.test_click_zooms_in_and_out()
        self.test_layout_that_is_clicked_is_looked_into()
        self.test_names_beside_bars_are_not_cut_off()

    def test_row_of_the_table_zooms_and_is_marked(self):
        self.open("footprint-a.html")
        button = self.browser.find("#layers button[data-path='dictionary']")
        self.browser.script("arguments[0].click()", button)
        self.browser.wait(lambda: self.zoomed() == "dictionary")
        self.assertEqual(button.get_attribute("aria-pressed"), "true")

    def test_hover_says_bytes(self):
        self.open("footprint-a.html")
        ActionChains(self.browser.driver).move_to_element(self.largest_area()).perform()
        self.browser.wait(lambda: " bytes, " in self.browser.find("#treemap").text)

    def test_comparisons_figures_are_the_jsons(self):
        self.open("compare.html")
        report = self.data()
        written = self.read("compare.json")
        self.assertEqual([x["layout"] for x in report["layouts"]],
                         [x["layout"] for x in written["layouts"]])
        self.assertEqual(report["layouts"][0]["layers"], written["layouts"][0]["layers"])
        rows = self.browser.table("layouts")
        self.assertEqual(len(rows), len(report["layouts"]))
        for row, layout in zip(rows, report["layouts"]):
            self.assertEqual(row["layout"], layout["layout"])
            self.assertEqual(row["total bytes"], grouped(layout["total_bytes"]))
            self.assertEqual(row["RSS grew"], grouped(layout["rss_delta_bytes"]))
            self.expect_layers("layers-" + layout["layout"], layout)
            self.expect_explained("#layers-" + layout["layout"])
        self.expect_drawn("#bars", len(rows))

    def expect_labels_inside(self, selector, labels):
        """Names beside the axis are whole, and none begins left of its picture."""
        for label in labels:
            left = self.browser.script("""
                const picture = document.querySelector(arguments[0]);
                const text = [...picture.querySelectorAll('svg text')]
                  .find((one) => one.textContent === arguments[1]);
                return text && text.getBoundingClientRect().left -
                  picture.getBoundingClientRect().left;""", selector, label)
            self.assertIsNotNone(left, label)
            self.assertGreaterEqual(left, 0, label)

    def test_names_beside_bars_are_not_cut_off(self):
        self.open("compare.html")
        self.expect_labels_inside("#bars", [x["layout"] for x in self.data()["layouts"]])
        self.open("diff.html")
        self.expect_labels_inside("#changes", ["dictionary/bytes", "log/blobs"])

    def test_axis_says_its_steps_exactly(self):
        self.open("compare.html")
        texts = self.browser.script("return [...document.querySelectorAll('#bars svg text')]"
                                    ".map((one) => one.textContent)")
        units = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
        # Figures of bars have words behind them.
        steps = sorted(float(text.split()[0]) * units[text.split()[1]] for text in texts
                       if re.fullmatch(r"[\d.]+ [KMG]?i?B", text))
        self.assertGreaterEqual(len(steps), 3, texts)
        self.assertEqual(steps, [steps[1] * i for i in range(len(steps))])

    def test_layout_that_is_clicked_is_looked_into(self):
        self.open("compare.html")
        shown = "return document.getElementById('shown').textContent"
        smallest = min(self.data()["layouts"], key=lambda layout: layout["total_bytes"])
        self.assertEqual(self.browser.script(shown), "Inside " + smallest["layout"])
        button = self.browser.find("#layouts button[data-layout='std_map']")
        self.browser.script("arguments[0].click()", button)
        self.browser.wait(lambda: self.browser.script(shown) == "Inside std_map")
        self.assertIn("nodes", self.browser.script(
            "return document.querySelector('#treemap svg').textContent"))

    def test_a_layers_colour_is_one_on_every_page(self):
        colours = """return Object.fromEntries(echarts.getInstanceByDom(
            document.getElementById('treemap')).getOption().series[0].data.map(
            (group) => [group.name, group.itemStyle.color]));"""
        self.open("compare.html")
        self.assertEqual(self.browser.script(
            "return document.getElementById('shown').textContent"), "Inside packed")
        compared = self.browser.script(colours)
        self.open("footprint-a.html")
        alone = self.browser.script(colours)
        self.assertGreaterEqual(len(set(alone.values())), 3)
        self.assertEqual(alone, compared)

    def test_differences_figures_are_the_jsons(self):
        self.open("diff.html")
        report = self.data()
        self.assertEqual(report, self.read("diff.json"))
        rows = {row["layer"]: row for row in self.browser.table("layers")}
        for layer in report["layers"]:
            change = layer["total_bytes"]["change"]
            self.assertEqual(rows[layer["name"]]["change"],
                             ("+" if change > 0 else "") + grouped(change))
        self.assertEqual(rows["all layers"]["after"], grouped(report["total_bytes"]["b"]))
        self.expect_drawn("#changes", 2)
        self.expect_explained("#layers")

    def test_hostile_names_are_text(self):
        folder = os.path.join(self.folder.name, "hostile")
        os.mkdir(folder)
        run(HOSTILE, folder)
        names = self.read("hostile/names.json")
        self.open("hostile/footprint.html")
        report = self.data()
        shown = [brief(name) for name in names]
        self.assertEqual([row["outer"] for row in self.browser.table("outers")], shown)
        self.assertEqual(sorted(row["layer"] for row in self.browser.table("layers")
                                if row["items"] == "1"), sorted(
            brief(layer["name"].split("/", 1)[-1]) for layer in report["layers"]))
        self.assertEqual(sum(layer["total_bytes"] for layer in report["layers"]),
                         report["total_bytes"])
        self.expect_drawn("#treemap", len(names) // 2)
        self.expect_nobody_owns("<b>packed</b>: </title>")
        self.browser.picture("hostile-light")
        # A row that is clicked is zoomed to, whatever its name.
        for name in ("__proto__", "<script>document.title='owned'<"):
            button = self.browser.script("""
                return [...document.querySelectorAll('#layers button.name')]
                  .find((one) => one.dataset.path === arguments[0]);""", name)
            self.browser.script("arguments[0].click()", button)
            self.browser.wait(lambda: self.zoomed() == name)
        self.open("hostile/diff.html")
        self.assertEqual(len(self.browser.table("layers")), len(names) + 1)
        # A line end within a name is no line of the picture.
        self.assertIn("line break tab", [" ".join(text.split()) for text in self.browser.script(
            "return [...document.querySelectorAll('#changes svg text')]"
            ".map((one) => one.textContent)")])
        self.expect_nobody_owns("</script><script>")
        self.browser.picture("hostile-diff-light")

    def expect_nobody_owns(self, title):
        self.assertTrue(self.browser.driver.title.startswith(title), self.browser.driver.title)
        self.assertEqual(self.browser.script(
            "return document.querySelectorAll('img, #page script, #page b > b').length"), 0)
        self.assertLessEqual(
            self.browser.script("return document.documentElement.scrollWidth"), 1200)
        # Figures stay in sight, however long the name beside them.
        self.assertLessEqual(self.browser.script("""
            return Math.max(...[...document.querySelectorAll('td:first-child')]
              .map((cell) => cell.getBoundingClientRect().width));"""), 600)

    def test_window_that_changes_its_size_draws_anew(self):
        for name in ("footprint-a.html", "compare.html", "diff.html"):
            self.open(name)
            for width in (700, 420, 1200):
                self.browser.resize(width, 1400)
                self.browser.wait(lambda: self.browser.script(
                    "const drawn = document.querySelector('.chart svg').getBoundingClientRect();"
                    "return drawn.width < arguments[0] && drawn.width > arguments[0] / 2 &&"
                    "       document.documentElement.scrollWidth <= arguments[0]", width))
            self.expect_drawn(".chart", 2)
            self.expect_quiet()

    def expect_figures_beside_bars(self):
        """The figure of each bar of the process stands right of all its parts, and each bar is to be
        seen: anonymous memory, too, beside a container that holds a thousand times as much."""
        rows = self.browser.script("""
            const picture = document.querySelector('#process-chart');
            const texts = [...picture.querySelectorAll('svg text')];
            const filled = [...picture.querySelectorAll('svg path')].filter((path) => {
              const box = path.getBoundingClientRect();
              return path.getAttribute('fill') !== 'none' && box.height > 8 && box.height < 30;
            });
            return texts.filter((text) => / [KMGT]?i?B$/.test(text.textContent)).flatMap((text) => {
              const at = text.getBoundingClientRect();
              const bar = filled.map((path) => path.getBoundingClientRect())
                .filter((box) => box.top < at.bottom && box.bottom > at.top);
              return bar.length === 0 ? [] : [[at.left, Math.max(...bar.map((box) => box.right)),
                Math.min(...bar.map((box) => box.left)), picture.clientWidth]];
            });""")
        self.assertGreaterEqual(len(rows), 2)
        for left, right, begin, width in rows:
            self.assertGreaterEqual(left + 1, right)
            # The container's others come and go while they are added up: its rest, and with it the
            # axis, may be as long as the bar.
            self.assertGreater(right - begin, width / 8)

    def test_prints_in_black_on_white(self):
        self.open("footprint-a.html")
        pdf = self.browser.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
        self.assertGreater(len(pdf["data"]), 10_000)
        if PICTURES is not None:
            os.makedirs(PICTURES, exist_ok=True)
            with open(os.path.join(PICTURES, "print.pdf"), "wb") as file:
                file.write(base64.b64decode(pdf["data"]))

    def test_light_dark_and_phone(self):
        for look, dark, width in (("light", False, 1200), ("dark", True, 1200),
                                  ("phone", False, 390)):
            browser = Browser(self.folder.name, dark, width)
            self.addCleanup(browser.quit)
            for name in ("footprint-a", "compare", "diff"):
                browser.open(self.path(name + ".html"))
                self.assertEqual(browser.complaints(), [])
                # Nothing stands out of the page: wide tables scroll in themselves.
                self.assertLessEqual(
                    browser.script("return document.documentElement.scrollWidth"), width)
                background = browser.script(
                    "return getComputedStyle(document.body).backgroundColor")
                bright = sum(int(part) for part in background[4:-1].split(",")) > 3 * 128
                self.assertEqual(bright, not dark)
                if name == "compare":
                    # Whole names, on a phone above their bars.
                    texts = browser.script("return [...document.querySelectorAll('#bars svg text')]"
                                           ".map((one) => one.textContent)")
                    for layout in self.read("compare.json")["layouts"]:
                        self.assertIn(layout["layout"], texts)
                browser.picture(f"{name}-{look}")


if __name__ == "__main__":
    unittest.main()
