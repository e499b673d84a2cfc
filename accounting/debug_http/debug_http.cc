#include <strata/debug_http.h>

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <limits>
#include <new>
#include <optional>
#include <string_view>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
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

// How much a client's Accept wants `type`, 0 to 1, and the place in the list where it says so.
struct Wish {
  double quality = 0;
  std::size_t place = std::numeric_limits<std::size_t>::max();
};

Wish WishFor(const std::string& accept, const char* type) {
  Wish wish;
  std::size_t place = 0;
  for (const absl::string_view range : absl::StrSplit(accept, ',')) {
    ++place;
    const std::vector<absl::string_view> parts = absl::StrSplit(range, ';');
    if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(parts[0]), type)) continue;
    wish = {.quality = 1, .place = place};
    for (absl::string_view part : parts) {
      part = absl::StripAsciiWhitespace(part);
      // What is no number is 0: it is not wanted for certain.
      if (absl::ConsumePrefix(&part, "q=") && !absl::SimpleAtod(part, &wish.quality)) {
        wish.quality = 0;
      }
    }
  }
  return wish;
}

// Whether a page is wanted rather than JSON: a browser says so, a script says nothing.
bool WantsPage(const Request& request) {
  const std::string accept = request.get_header_value("Accept");
  Wish page = WishFor(accept, "text/html");
  if (page.place == Wish{}.place) page = WishFor(accept, "text/*");
  Wish json = WishFor(accept, "application/json");
  if (json.place == Wish{}.place) json = WishFor(accept, "application/*");
  // Who names the page alone does not prefer whatever else there may be for it.
  if (json.place == Wish{}.place) json.quality = WishFor(accept, "*/*").quality;
  if (page.quality != json.quality) return page.quality > json.quality;
  return page.quality > 0 && page.place < json.place;
}

// Whether `host`, a request's Host, is one that loopback is asked by: a name of the loopback
// device's or an address. Another name is a page's of elsewhere, whose server now says that it
// lies here (DNS rebinding): a browser lets that page read what it gets. "" is no browser.
bool IsOfLoopback(const std::string& host) {
  const std::string name =
      host.substr(0, host.rfind(']') == std::string::npos ? host.find(':') : host.rfind(']') + 1);
  std::array<unsigned char, 4> address;
  return name.empty() || name.front() == '[' || absl::EqualsIgnoreCase(name, "localhost") ||
         inet_pton(AF_INET, name.c_str(), address.data()) == 1;
}

// Why a host cannot be listened on, as the end of a clause; "" where nobody says.
std::string WhyNot(const std::string& host, int error) {
  addrinfo* found = nullptr;
  if (const int unknown = getaddrinfo(host.c_str(), nullptr, nullptr, &found); unknown != 0) {
    return absl::StrCat(": ", gai_strerror(unknown));
  }
  freeaddrinfo(found);
  return error == 0 ? "" : ": " + std::system_category().message(error);
}

void Answer(Response& response, int status, std::string body, const char* type) {
  response.status = status;
  response.set_content(std::move(body), type);
}

void AnswerError(Response& response, int status, std::string_view message) {
  Answer(response, status, absl::StrCat(std::string(message), "\n"), "text/plain; charset=utf-8");
}

void RefuseMethod(Response& response) {
  response.set_header("Allow", "GET");
  AnswerError(response, 405, "only GET is answered here");
}

// Whether it is a request by a method that is not GET. To the library one with a method that it
// does not know (BREW) is as bad as noise, and goes to no handler but that of errors.
bool NamesAnotherMethod(const Request& request) {
  constexpr std::string_view kMarksOfTokens = "!#$%&'*+-.^_`|~";  // RFC 9110, 5.6.2
  const std::string& method = request.method;
  return request.version.starts_with("HTTP/1.") && !method.empty() && method != "GET" &&
         std::all_of(method.begin(), method.end(), [&](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  kMarksOfTokens.find(c) != std::string_view::npos;
         });
}

// Every whole number below this is one of double's.
constexpr double kWholeBelow = 9007199254740992.0;

std::string HealthJson(const DebugHealth& health) {
  Json object = {{"healthy", health.healthy}};
  if (!health.state.empty()) object["state"] = health.state;
  if (!health.message.empty()) object["message"] = health.message;
  for (const auto& [name, figure] : health.figures) {
    const bool whole = std::trunc(figure) == figure && std::abs(figure) < kWholeBelow;
    // A figure that is no number becomes null.
    object[name] = whole ? Json(static_cast<std::int64_t>(figure)) : Json(figure);
  }
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

  // Binds, and begins to answer. `given` is the address in the user's words.
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
  bool on_loopback = false;
};

void DebugServer::State::AnswerSnapshot(
    Response& response, const std::string& key, const char* type,
    const std::function<absl::StatusOr<std::string>(const Snapshot&)>& render) {
  const absl::StatusOr<std::shared_ptr<Snapshot>> snapshot = snapshots.Get();
  if (!snapshot.ok()) return AnswerError(response, 503, std::string(snapshot.status().message()));
  const absl::StatusOr<std::shared_ptr<const std::string>> text =
      (*snapshot)->Rendered(key, [&] { return render(**snapshot); });
  if (text.ok()) return DeadlineServer::SetBody(*text, type, response);
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
  server.set_pre_routing_handler([this](const Request& request, Response& response) {
    if (request.method != "GET") {
      RefuseMethod(response);
      return httplib::Server::HandlerResponse::Handled;
    }
    if (on_loopback && !IsOfLoopback(request.get_header_value("Host"))) {
      AnswerError(response, 403,
                  "on loopback only localhost and addresses are answered: ask by one");
      return httplib::Server::HandlerResponse::Handled;
    }
    return httplib::Server::HandlerResponse::Unhandled;
  });
  server.set_error_handler([](const Request& request, Response& response) {
    if (response.body.empty() && response.status == 404) {
      AnswerError(response, 404, "nothing is here: / lists what there is");
    } else if (response.status == 400 && NamesAnotherMethod(request)) {
      RefuseMethod(response);
    }
  });
  server.Get("/", [](const Request&, Response& response) {
    Answer(response, 200, kIndex, "text/plain; charset=utf-8");
  });
  server.Get("/metrics", [this](const Request&, Response& response) {
    if (sources.running) {
      const absl::StatusOr<std::shared_ptr<const std::string>> text = scrapes.Get();
      if (text.ok()) return DeadlineServer::SetBody(*text, kOpenMetricsType.data(), response);
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
        WhyNot(at.host, errno)));
  }
  on_loopback = server.IsOnLoopback();
  const bool numeric_v6 = at.host.find(':') != std::string::npos;
  address = numeric_v6 ? absl::StrFormat("[%s]:%d", at.host, port)
                       : absl::StrFormat("%s:%d", at.host, port);
  server.Begin();
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
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("no memory for a server");
  }
}

DebugServer::~DebugServer() { state_->server.End(); }

const std::string& DebugServer::address() const { return state_->address; }

int DebugServer::port() const { return state_->port; }

bool DebugServer::on_loopback() const { return state_->on_loopback; }

}  // namespace strata
