// The program: its words, and how it ends. The only file that includes CLI11, which takes seconds
// to compile; everything behind the words is in the verbs' files.
//
// Threads: one.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accounting/report/shown_text.h"
#include "cli/benchmarks.h"
#include "cli/exit_status.h"
#include "cli/interrupt.h"
#include "cli/layout_jobs.h"
#include "cli/layout_process.h"
#include "cli/output.h"
#include "cli/secrets.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

constexpr char kSourceHelp[] =
    "FILE.json, FILE.ndjson or FILE.jsonl (.gz or .zst behind), - for standard input, "
    "mysql://USER@HOST[:PORT]/DATABASE?table=T, or FILE.toml, which describes one or more tables";
constexpr char kFooter[] =
    "Exit status: 0 done, 1 the data or the source is at fault (a missing file, too), 2 the\n"
    "call's words are off, 3 there is nothing under the key asked for.";

constexpr char kTableFooter[] =
    "A table is mysql://USER@HOST[:PORT]/DATABASE?table=T. Of its columns, with what they are\n"
    "where the URL does not say: outer=outer_key, inner=inner_key, order=seq (order= for the\n"
    "primary key's), key=k, value=v, id=(the primary key's), cursor=updated_at (when a row last\n"
    "changed: without such a column --follow finds changes by comparing alone). columns=a,b or\n"
    "columns=* makes a record of each row; deleted=COLUMN is not 0 in rows that are deleted.\n"
    "Also socket, password_file, ssl_ca, ssl_mode=PREFERRED (VERIFY_CA where ssl_ca is given),\n"
    "connect_timeout=10s and read_timeout=60s: durations as 500ms, 10s, 2m, in whole seconds,\n"
    "rounded up.";

// What the command line said; the verbs' options write into it.
struct Words {
  GenArgs gen;
  CompareArgs compare;
  FootprintArgs footprint;
  LoadArgs load;
  DumpArgs dump;
  GetArgs get;
  BenchArgs bench;
  DiffArgs diff;
  ExplainArgs explain;
};

class CommandLine {
 public:
  CommandLine() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "strata " STRATA_VERSION);
    app_.footer(kFooter);
    AddGen();
    AddCompare();
    AddFootprint();
    AddLoad();
    AddDump();
    AddGet();
    AddBench();
    AddDiff();
    AddExplain();
  }

  // Runs the verb that the words name.
  absl::Status Run(std::span<const std::string_view> given) {
    if (absl::Status status = CheckFirst(given); !status.ok()) return status;
    std::vector<std::string> words(given.begin(), given.end());
    if (!words.empty() && words.front() == "get") {
      words = WithoutKeys(words);
    } else if (std::find(words.begin(), words.end(), "++") != words.end()) {
      return UsageError("'++' is no word here: write ./++ for a file of that name");
    }
    try {
      // The library wants them last first.
      app_.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::CallForHelp&) {
      return Print(HelpOf());
    } catch (const CLI::CallForVersion&) {
      return Print("strata " STRATA_VERSION "\n");
    } catch (const CLI::ParseError& error) {
      if (absl::Status status = CheckKind(); !status.ok()) return status;
      return UsageError(absl::StrFormat("%s: see %s", WhatIsOff(error), HelpWords()));
    }
    TakeKeys();
    return run_();
  }

  // The verb chosen so far, null where there is none.
  const CLI::App* Chosen() const {
    const std::vector<const CLI::App*> chosen =
        app_.get_subcommands([](const CLI::App* verb) { return verb->count() > 0; });
    return chosen.empty() ? nullptr : chosen.front();
  }

 private:
  // Stands for each word of `get` that is no option: the library would take some ("++") for
  // words of its own, and every word is a key.
  static constexpr char kStandIn[] = "word";

  absl::Status CheckFirst(std::span<const std::string_view> given) const {
    if (given.empty()) return absl::OkStatus();
    const std::string first(given.front());
    if (!first.starts_with('-') && !HasVerb(first)) {
      return UsageError(absl::StrFormat("there is no verb '%s': strata --help lists them", first));
    }
    if (first.starts_with('-') && app_.get_option_no_throw(first) == nullptr) {
      return UsageError(absl::StrFormat(
          "'%s' is no option here, a verb comes first: see strata --help", NameOf(first)));
    }
    return absl::OkStatus();
  }

  // The words of a call of `get` with a stand-in for each that is no option, which is kept in
  // get_words_. A number below zero is no option but an INDEX that is off.
  std::vector<std::string> WithoutKeys(const std::vector<std::string>& words) {
    const CLI::App* const verb = app_.get_subcommand("get");
    std::vector<std::string> shown = {words.front()};
    bool options_end = false;
    for (std::size_t i = 1; i < words.size(); ++i) {
      const std::string& word = words[i];
      const bool option = !options_end && word.size() > 1 && word[0] == '-' &&
                          !absl::ascii_isdigit(static_cast<unsigned char>(word[1]));
      if (!option) {
        get_words_.push_back(word);
        shown.emplace_back(kStandIn);
      } else if (word == "--") {
        options_end = true;
      } else {
        shown.push_back(word);
        const CLI::Option* const known = verb->get_option_no_throw(word);
        const bool has_value = known != nullptr && known->get_items_expected_min() > 0;
        if (has_value && i + 1 < words.size()) shown.push_back(words[++i]);
      }
    }
    return shown;
  }

  // Puts the words of `get` where the library has put stand-ins.
  void TakeKeys() {
    if (get_words_.empty()) return;
    GetArgs& args = words_.get;
    args.source.source = get_words_[0];
    if (get_words_.size() > 1) args.outer = get_words_[1];
    if (get_words_.size() > 2) args.inner = get_words_[2];
    if (get_words_.size() > 3) args.index = get_words_[3];
    if (get_words_.size() > 4) args.key = get_words_[4];
  }

  // An option without what was given with it, which may be a password.
  static std::string NameOf(const std::string& option) {
    return option.starts_with("--") ? option.substr(0, option.find('=')) : option.substr(0, 2);
  }

  // The word behind `bench` and `explain` says what: where it is off, it is that and not what seems
  // to be missing behind it.
  absl::Status CheckKind() const {
    if (const std::string kind = KindOf("bench", "BENCHMARK"); !kind.empty()) {
      return CheckBenchmark(kind);
    }
    if (const std::string kind = KindOf("explain", "WHAT"); !kind.empty()) {
      return CheckExplained(kind);
    }
    return absl::OkStatus();
  }

  // What was given as that word of that verb; "" where it is not the verb, or nothing was.
  std::string KindOf(const char* verb, const char* word) const {
    if (Chosen() == nullptr || Chosen()->get_name() != verb) return "";
    const std::vector<std::string>& given = Chosen()->get_option(word)->results();
    return given.empty() ? "" : given.front();
  }

  // Names the first word that has no place, for it may be why another is missing.
  std::string WhatIsOff(const CLI::ParseError& error) const {
    const std::vector<std::string> extras =
        Chosen() == nullptr ? std::vector<std::string>() : Chosen()->remaining();
    if (extras.empty()) return error.what();
    constexpr std::size_t kMostGetWords = 5;
    if (extras[0] == kStandIn && get_words_.size() > kMostGetWords) {
      return absl::StrFormat("'%s' is a word too many", get_words_[kMostGetWords]);
    }
    if (!extras[0].starts_with('-')) return absl::StrFormat("'%s' is a word too many", extras[0]);
    return absl::StrFormat("there is no option %s here%s", NameOf(extras[0]),
                           get_words_.empty() ? "" : " (a key that begins with a dash follows --)");
  }

  std::string HelpWords() const {
    if (Chosen() == nullptr) return "strata --help";
    const std::string benchmark = KindOf("bench", "BENCHMARK");
    return absl::StrCat("strata ", Chosen()->get_name(), benchmark.empty() ? "" : " ", benchmark,
                        " --help");
  }

  CLI::App* AddVerb(const char* name, const char* what, std::function<absl::Status()> run) {
    CLI::App* const verb = app_.add_subcommand(name, what);
    verb->callback([this, run = std::move(run)] { run_ = run; });
    return verb;
  }

  static void AddSource(CLI::App* verb, SourceFlags* flags) {
    verb->add_option("SOURCE", flags->source, kSourceHelp)->required();
    AddSourceFlags(verb, flags);
  }

  // What may stand beside a SOURCE.
  static void AddSourceFlags(CLI::App* verb, SourceFlags* flags) {
    verb->add_option("--root", flags->root, "JSON pointer to begin below, as in --root /FieldA");
    verb->add_option("--input-format", flags->input_format,
                     "json or ndjson, where the name does not say");
    verb->add_option("--defaults-file", flags->defaults_file,
                     "MySQL's option file; its [client] section may hold user and password");
    verb->add_option("--password-file", flags->password_file,
                     "file whose first line is the MySQL password (else MYSQL_PWD)");
    verb->add_flag("--progress", flags->progress, "show progress even where no terminal is");
  }

  static void AddFormat(CLI::App* verb, std::string* format, const char* what = "text or json") {
    verb->add_option("--format", *format, what)->capture_default_str();
  }

  static void AddOutput(CLI::App* verb, std::optional<std::string>* output) {
    AddOptional(verb, "-o,--output", output,
                "file to write, whole or not at all, instead of standard output");
  }

  static void AddReplace(CLI::App* verb, bool* replace) {
    verb->add_flag(
        "--replace-invalid-utf8", *replace,
        "write U+FFFD where a table's bytes are not UTF-8 instead of refusing them; JSON "
        "that is not UTF-8 is always refused");
  }

  // An option whose absence is not the same as an empty value.
  static CLI::Option* AddOptional(CLI::App* verb, const char* name,
                                  std::optional<std::string>* value, const char* what) {
    return verb->add_option_function<std::string>(
        name, [value](const std::string& text) { *value = text; }, what);
  }

  void AddGen() {
    GenArgs& args = words_.gen;
    CLI::App* const verb =
        AddVerb("gen", "writes synthetic data as JSON", [&args] { return RunGen(args); });
    verb->add_option("SHAPE", args.shape, "forum, unique, rows or sparse")->required();
    verb->add_option("--records", args.records, "how many records")->capture_default_str();
    verb->add_option("--seed", args.seed, "same seed, same bytes")->capture_default_str();
    AddOutput(verb, &args.output);
  }

  void AddCompare() {
    CompareArgs& args = words_.compare;
    CLI::App* const verb = AddVerb("compare", "loads SOURCE into each layout and compares them",
                                   [&args] { return RunCompare(args); });
    AddSource(verb, &args.source);
    verb->add_option("--layouts", args.layouts,
                     "A,B,… of std_map, std_unordered_map, flat_hash_map, interned, packed (all "
                     "where left out)");
    verb->add_option("--lookups", args.lookups,
                     "random lookups a round; fewer of very long keys or values")
        ->capture_default_str();
    AddFormat(verb, &args.format, "text, json or html (a page to look at)");
    AddOutput(verb, &args.output);
  }

  void AddFootprint() {
    FootprintArgs& args = words_.footprint;
    CLI::App* const verb = AddVerb("footprint", "one layout's bytes by layer, and its process's",
                                   [&args] { return RunFootprint(args); });
    AddSource(verb, &args.source);
    verb->add_option("--layout", args.layout,
                     "std_map, std_unordered_map, flat_hash_map, interned or packed")
        ->capture_default_str();
    AddOptional(verb, "--by", &args.by,
                "outer: the largest outers, too (column is not in this version)");
    verb->add_flag("--explain", args.explain,
                   "of text: what each name means, beneath (html has it in the page)");
    AddFormat(verb, &args.format,
              "text, json, html (a page to look at), pprof (for go tool pprof) or openmetrics");
    AddOutput(verb, &args.output);
  }

  void AddLoad() {
    LoadArgs& args = words_.load;
    CLI::App* const verb = AddVerb("load", "loads with progress and prints a summary",
                                   [&args] { return RunLoad(args); });
    AddSource(verb, &args.source);
    AddOptional(verb, "--dump", &args.dump,
                "FILE.json to write what was loaded to; - for standard output, the summary goes to "
                "standard error then");
    AddReplace(verb, &args.replace_invalid_utf8);
    verb->add_flag(
        "--follow", args.follow,
        "keep applying the tables' changes until SIGINT or SIGTERM, then write --dump; a "
        "server that is away is waited for, and a fault that a person must mend (a "
        "password, a table's name) ends it before the first load is complete");
    AddOptional(verb, "--save", &args.save, "FILE.strata (not in this version)");
    AddOptional(
        verb, "--listen", &args.listen,
        "with --follow: HOST:PORT (loopback where no host is given) that answers GET /healthz, "
        "/metrics, /footprint and /debug/pprof/heap, from before the first load on (503 then)");
    AddOptional(verb, "--poll-interval", &args.poll_interval,
                "with --follow: from one look for changed rows to the next (1s)");
    AddOptional(verb, "--reconcile-interval", &args.reconcile_interval,
                "with --follow: from one comparison of table and cache to the next (5m)");
    verb->footer(kTableFooter);
  }

  void AddDump() {
    DumpArgs& args = words_.dump;
    CLI::App* const verb = AddVerb("dump", "writes SOURCE as JSON, keys sorted by bytes",
                                   [&args] { return RunDump(args); });
    AddSource(verb, &args.source);
    AddReplace(verb, &args.replace_invalid_utf8);
    AddOutput(verb, &args.output);
  }

  void AddGet() {
    GetArgs& args = words_.get;
    CLI::App* const verb =
        AddVerb("get",
                "prints what is there as JSON, a single value raw; any word is a key, one that "
                "begins with a dash follows --",
                [&args] { return RunGet(args); });
    AddSource(verb, &args.source);
    AddReplace(verb, &args.replace_invalid_utf8);
    verb->add_option("OUTER", args.outer, "outer key")->required();
    AddOptional(verb, "INNER", &args.inner, "inner key");
    AddOptional(verb, "INDEX", &args.index, "of the record, from 0");
    AddOptional(verb, "KEY", &args.key, "of the pair");
  }

  void AddBench() {
    BenchArgs& args = words_.bench;
    CLI::App* const verb =
        AddVerb("bench", "measures layouts on your own data", [&args] { return RunBench(args); });
    verb->add_option(
            "BENCHMARK", args.benchmark,
            "load; lookup; churn: overwrite entries at random; reclaim: delete entries and "
            "see what comes back")
        ->required();
    AddSource(verb, &args.source);
    verb->add_option("--layouts", args.layouts, "A,B,…, as of compare")->capture_default_str();
    AddOptional(verb, "--lookups", &args.lookups, "load, lookup: random lookups a round [300000]");
    AddOptional(verb, "--rounds", &args.rounds,
                "load, lookup: runs a layout, each in a process of its own [5]; churn: after the "
                "churn, rounds that overwrite every entry with new strings [0]");
    AddOptional(verb, "--times", &args.times, "churn: how many times the data is written [10]");
    AddOptional(verb, "--share", &args.share,
                "reclaim: share of the entries to delete, 1 for outers, too [0.5]");
    AddFormat(verb, &args.format);
    AddOutput(verb, &args.output);
  }

  void AddDiff() {
    DiffArgs& args = words_.diff;
    CLI::App* const verb =
        AddVerb("diff", "two footprints by layer", [&args] { return RunDiff(args); });
    verb->add_option("A", args.a, "file of strata footprint --format json, - for standard input")
        ->required();
    verb->add_option("B", args.b, "another")->required();
    AddFormat(verb, &args.format, "text, json or html (a page to look at)");
    AddOutput(verb, &args.output);
  }

  void AddExplain() {
    ExplainArgs& args = words_.explain;
    CLI::App* const verb = AddVerb("explain", "where the bytes of a Go program are",
                                   [&args] { return RunExplain(args); });
    verb->add_option("WHAT", args.what, "memstats")->required();
    verb->add_option("FILE", args.file,
                     "a runtime.MemStats as JSON, or what /debug/vars gives; - for standard input")
        ->required();
    AddOptional(verb, "--observed", &args.observed,
                "what its container is charged, as kubectl top shows it: 17367Mi");
    AddOutput(verb, &args.output);
    verb->option_defaults()->group("Sample");
    verb->add_option("--sample", args.sample.source,
                     "SOURCE, a piece of its data: what all of it would take in our layouts; "
                     "the options below are of it");
    AddSourceFlags(verb, &args.sample);
  }

  bool HasVerb(std::string_view name) const {
    const std::vector<const CLI::App*> verbs =
        app_.get_subcommands([name](const CLI::App* verb) { return verb->get_name() == name; });
    return !verbs.empty();
  }

  std::string HelpOf() {
    const CLI::App* const verb = Chosen();
    if (verb == nullptr) return app_.help();
    const BenchmarkWords* const benchmark = FindBenchmark(KindOf("bench", "BENCHMARK"));
    return benchmark == nullptr ? verb->help("strata") : HelpOfBenchmark(*benchmark);
  }

  // Of `bench` without what the benchmark does not have. Takes it away for good: nothing is parsed
  // any more.
  std::string HelpOfBenchmark(const BenchmarkWords& benchmark) {
    CLI::App* const verb = app_.get_subcommand("bench");
    verb->name("bench " + std::string(benchmark.name))->description(benchmark.what);
    verb->remove_option(verb->get_option("BENCHMARK"));
    for (const BenchmarkWords& other : AllBenchmarks()) {
      for (const BenchOption& option : other.options) {
        CLI::Option* const known = verb->get_option_no_throw(std::string(option.name));
        if (known != nullptr && !benchmark.Has(option.name)) verb->remove_option(known);
      }
    }
    for (const BenchOption& option : benchmark.options) {
      verb->get_option(std::string(option.name))->description(option.what);
    }
    return verb->help("strata");
  }

  static absl::Status Print(std::string_view text) {
    absl::StatusOr<std::unique_ptr<Output>> output = Output::Open(std::nullopt);
    if (!output.ok()) return output.status();
    if (absl::Status status = (*output)->Write(text); !status.ok()) return status;
    return (*output)->Commit();
  }

  Words words_;
  std::vector<std::string> get_words_;  // of `get`: SOURCE and keys as given
  std::function<absl::Status()> run_;
  CLI::App app_{"A compact, fully accounted in-memory nested map, fed from MySQL and JSON",
                "strata"};
};

// The one line that every failure prints.
int End(const absl::Status& status, std::string_view verb,
        std::span<const std::string_view> words) {
  if (status.ok()) return 0;
  const std::string line = absl::StrFormat("strata%s%s: %s\n", verb.empty() ? "" : " ", verb,
                                           ShownMessage(MaskSecrets(MessageOf(status), words)));
  std::fwrite(line.data(), 1, line.size(), stderr);
  return static_cast<int>(ExitStatusOf(status));
}

int Main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == kLayoutProcessVerb) {
    return RunLayoutProcess(argc, argv, DoLayoutJob);
  }
  InstallInterruptHandler();
  const std::vector<std::string_view> words(argv + std::min(1, argc), argv + argc);
  CommandLine command_line;
  const absl::Status status = command_line.Run(words);
  const CLI::App* const verb = command_line.Chosen();
  return End(status, verb == nullptr ? std::string() : verb->get_name(), words);
}

constexpr char kOutOfMemory[] = "strata: out of memory: give the process more, or load less\n";

// What no catch can see: memory that runs out where nothing may be thrown.
[[noreturn]] void OnTerminate() {
  if (const std::exception_ptr escaped = std::current_exception()) {
    try {
      std::rethrow_exception(escaped);
    } catch (const std::bad_alloc&) {
      EndAtOnce(kOutOfMemory);
    } catch (...) {
      EndAtOnce("strata: ended by an error that it did not expect: this is a bug, report it\n");
    }
  }
  std::abort();
}

}  // namespace
}  // namespace strata::cli

int main(int argc, char** argv) {
  std::set_terminate(strata::cli::OnTerminate);
  try {
    return strata::cli::Main(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs(strata::cli::kOutOfMemory, stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "strata: %s\n", strata::ShownMessage(error.what()).c_str());
  }
  return static_cast<int>(strata::cli::ExitStatus::kFault);
}
