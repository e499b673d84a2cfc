// A client for tests that says exactly the bytes it is told, so that it can be slow and rude.
//
// Threads: one a connection.
#ifndef STRATA_TESTS_ACCOUNTING_DEBUG_HTTP_HTTP_CLIENT_H_
#define STRATA_TESTS_ACCOUNTING_DEBUG_HTTP_HTTP_CLIENT_H_

#include <map>
#include <string>
#include <string_view>

namespace strata {

struct HttpAnswer {
  int status = 0;                              ///< 0: the connection ended without an answer
  std::map<std::string, std::string> headers;  ///< names in small letters
  std::string body;
};

class HttpConnection {
 public:
  /// Connects to 127.0.0.1:`port`.
  explicit HttpConnection(int port);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  ~HttpConnection();

  /// False where the server has ended the connection.
  bool Send(std::string_view bytes);
  /// Until there is an answer to be read, of which none is taken; false where there is none.
  bool WaitForBytes();
  /// Ends the sending side.
  void SayNoMore();
  /// All until the server ends the connection.
  std::string ReadAll();
  HttpAnswer ReadAnswer();

 private:
  int socket_ = -1;
};

/// `GET PATH` with `headers`, each of them ended by "\r\n".
HttpAnswer HttpGet(int port, const std::string& path, const std::string& headers = "");

}  // namespace strata

#endif  // STRATA_TESTS_ACCOUNTING_DEBUG_HTTP_HTTP_CLIENT_H_
