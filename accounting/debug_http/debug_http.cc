#include <strata/debug_http.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accounting/debug_http/deadline_server.h"
#include "accounting/debug_http/snapshots.h"
#include "accounting/report/json_parts.h"
#include "accounting/report/label_text.h"

namespace strata {
namespace {

using httplib::Request;
using httplib::Response;

constexpr char kIndex[] =
    "strata\n"
    "  /metrics           OpenMetrics\n"
    "  /footprint         a cache by layer, JSON or a page; ?cache=NAME, ?format=json|html|text\n"
    "  /debug/pprof/heap  for go tool pprof\n"
    "  /healthz           how it is\n";

struct Address {
  std::string host;
  int port = 0;
};

absl::StatusOr<Address> ParseAddress(const std::string& text) {
  Address address{.host = "127.0.0.1", .port = 0};
  std::string_view port = text;
  if (const std::size_t colon = text.rfind(':'); colon != std::string::npos) {
    if (colon > 0) address.host = text.substr(0, colon);
    port.remove_prefix(colon + 1);
  }
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  constexpr int kLastPort = 65535;
  const std::from_chars_result read =
      std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (read.ec != std::errc() || read.ptr != port.data() + port.size() || address.port < 0 ||
      address.port > kLastPort || address.host.empty()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "'%s' is no address to listen on: write it as 127.0.0.1:PORT, [::1]:PORT or :PORT", text));
  }
  return address;
}

// Whether a page is wanted rather than JSON: a browser says so, a script says nothing.
bool WantsPage(const Request& request) {
  const std::string accept = request.get_header_value("Accept");
  const std::size_t page = accept.find("text/html");
  return page != std::string::npos && page < accept.find("application/json");
}

void Answer(Response& response, int status, std::string body, const char* type) {
  response.status = status;
  response.set_content(std::move(body), type);
}

void AnswerError(Response& response, int status, std::string_view message) {
  Answer(response, status, absl::StrCat(std::string(message), "\n"), "text/plain; charset=utf-8");
}

std::string HealthJson(const DebugHealth& health) {
  Json object = {{"healthy", health.healthy}};
  if (!health.state.empty()) object["state"] = health.state;
  if (!health.message.empty()) object["message"] = health.message;
  for (const auto& [name, figure] : health.figures) object[name] = figure;
  return JsonDocument(object);
}

// The contract's footprint of one cache, with the names of all.
std::string CacheJson(const FootprintReport& report, const std::string& cache,
                      const std::vector<std::string>& all) {
  Json object = FootprintObject(report);
  object["cache"] = cache;
  object["caches"] = all;
  return JsonDocument(object);
}

}  // namespace

struct DebugServer::State {
  explicit State(DebugSources given)
      : sources(std::move(given)), snapshots(&sources), scrapes(&sources) {
    AddRoutes();
  }

  // Binds, and starts the thread that accepts. `given` is the address in the user's words.
  absl::Status Listen(const Address& at, const std::string& given);
  void AddRoutes();
  void AnswerSnapshot(Response& response, const std::string& key, const char* type,
                      const std::function<absl::StatusOr<std::string>(const Snapshot&)>& render);
  void AnswerFootprint(const Request& request, Response& response);
  void AnswerHealth(Response& response);

  DebugSources sources;
  Snapshots snapshots;
  Scrapes scrapes;
  std::mutex health_mutex;
  DeadlineServer server;
  std::string address;
  int port = 0;
  std::atomic<bool> ended = false;  // the thread accepts no more
  std::thread thread;
};

void DebugServer::State::AnswerSnapshot(
    Response& response, const std::string& key, const char* type,
    const std::function<absl::StatusOr<std::string>(const Snapshot&)>& render) {
  const absl::StatusOr<std::shared_ptr<Snapshot>> snapshot = snapshots.Get();
  if (!snapshot.ok()) return AnswerError(response, 503, std::string(snapshot.status().message()));
  const absl::StatusOr<std::shared_ptr<const std::string>> text =
      (*snapshot)->Rendered(key, [&] { return render(**snapshot); });
  if (text.ok()) return Answer(response, 200, **text, type);
  AnswerError(response, absl::IsNotFound(text.status()) ? 404 : 503,
              std::string(text.status().message()));
}

void DebugServer::State::AnswerFootprint(const Request& request, Response& response) {
  std::string format = request.get_param_value("format");
  if (format.empty()) format = WantsPage(request) ? "html" : "json";
  if (format != "json" && format != "html" && format != "text") {
    return AnswerError(response, 400, "format is json, html or text");
  }
  const std::string wanted = request.get_param_value("cache");
  const char* const type = format == "json"   ? "application/json"
                           : format == "html" ? "text/html; charset=utf-8"
                                              : "text/plain; charset=utf-8";
  const auto render = [&](const Snapshot& snapshot) -> absl::StatusOr<std::string> {
    const std::vector<std::string> labels = CacheLabels(snapshot.caches);
    std::size_t at = 0;
    if (!wanted.empty())
      at = static_cast<std::size_t>(std::find(labels.begin(), labels.end(), wanted) -
                                    labels.begin());
    if (at >= labels.size()) {
      return absl::NotFoundError("there is no such cache: /footprint names all in \"caches\"");
    }
    const NamedFootprint& cache = snapshot.caches[at];
    FootprintReport report{};
    report.dataset.source = labels[at];
    report.dataset.counts = cache.footprint.counts;
    report.layout.footprint = cache.footprint;
    report.layout.allocator = snapshot.process.allocator.name;
    report.process = snapshot.process;
    if (format == "html") return FootprintHtml(report);
    if (format == "text") return FootprintText(report);
    return CacheJson(report, labels[at], labels);
  };
  // Only names that are there are kept: keys are bounded by the caches.
  AnswerSnapshot(response, absl::StrCat("footprint ", format, " ", wanted), type, render);
}

void DebugServer::State::AnswerHealth(Response& response) {
  DebugHealth health;
  if (sources.health) {
    const std::lock_guard lock(health_mutex);
    health = sources.health();
  }
  Answer(response, health.healthy ? 200 : 503, HealthJson(health), "application/json");
}

void DebugServer::State::AddRoutes() {
  server.set_default_headers(
      {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}});
  // Before the body of a request would be read.
  server.set_pre_routing_handler([](const Request& request, Response& response) {
    if (request.method == "GET") return httplib::Server::HandlerResponse::Unhandled;
    response.set_header("Allow", "GET");
    AnswerError(response, 405, "only GET is answered here");
    return httplib::Server::HandlerResponse::Handled;
  });
  server.set_error_handler([](const Request&, Response& response) {
    if (response.body.empty() && response.status == 404) {
      AnswerError(response, 404, "nothing is here: / lists what there is");
    }
  });
  server.Get("/", [](const Request&, Response& response) {
    Answer(response, 200, kIndex, "text/plain; charset=utf-8");
  });
  server.Get("/metrics", [this](const Request&, Response& response) {
    if (sources.running) {
      const absl::StatusOr<std::shared_ptr<const std::string>> text = scrapes.Get();
      if (text.ok()) return Answer(response, 200, **text, kOpenMetricsType.data());
      return AnswerError(response, 503, std::string(text.status().message()));
    }
    AnswerSnapshot(response, "metrics", kOpenMetricsType.data(), [](const Snapshot& snapshot) {
      return OpenMetricsText(snapshot.caches, &snapshot.process);
    });
  });
  server.Get("/footprint", [this](const Request& request, Response& response) {
    AnswerFootprint(request, response);
  });
  server.Get("/debug/pprof/heap", [this](const Request&, Response& response) {
    AnswerSnapshot(response, "pprof", "application/octet-stream", [](const Snapshot& snapshot) {
      return PprofProfile(snapshot.caches, snapshot.time_ns);
    });
  });
  server.Get("/healthz", [this](const Request&, Response& response) { AnswerHealth(response); });
}

absl::Status DebugServer::State::Listen(const Address& at, const std::string& given) {
  errno = 0;
  port = at.port;
  const bool bound = at.port == 0 ? (port = server.bind_to_any_port(at.host)) > 0
                                  : server.bind_to_port(at.host, at.port);
  if (!bound) {
    return absl::UnavailableError(absl::StrFormat(
        "%s: cannot be listened on%s: give another address, or port 0 for any that is free", given,
        errno == 0 ? "" : ": " + std::system_category().message(errno)));
  }
  const bool numeric_v6 = at.host.find(':') != std::string::npos;
  address = numeric_v6 ? absl::StrFormat("[%s]:%d", at.host, port)
                       : absl::StrFormat("%s:%d", at.host, port);
  thread = std::thread([this] {
    server.listen_after_bind();
    ended = true;
  });
  // From here on stop() is heard.
  while (!server.is_running() && !ended) std::this_thread::yield();
  return absl::OkStatus();
}

DebugServer::DebugServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

absl::StatusOr<std::unique_ptr<DebugServer>> DebugServer::Start(const std::string& address,
                                                                DebugSources sources) {
  const absl::StatusOr<Address> parsed = ParseAddress(address);
  if (!parsed.ok()) return parsed.status();
  try {
    auto state = std::make_unique<State>(std::move(sources));
    if (absl::Status status = state->Listen(*parsed, address); !status.ok()) return status;
    return std::unique_ptr<DebugServer>(new DebugServer(std::move(state)));
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("%s: no threads to serve it: %s", address, error.what()));
  }
}

DebugServer::~DebugServer() {
  state_->server.stop();
  state_->server.EndConnections();
  state_->thread.join();
}

const std::string& DebugServer::address() const { return state_->address; }

int DebugServer::port() const { return state_->port; }

}  // namespace strata
