// The list that terms of anonymous memory are written into, by whoever finds them.
//
// Threads: one.
#ifndef STRATA_ACCOUNTING_ANON_TERM_LIST_H_
#define STRATA_ACCOUNTING_ANON_TERM_LIST_H_

#include <cstdint>
#include <string>
#include <string_view>

#include <strata/process_books.h>

namespace strata {

/// Writes terms of anonymous memory, and the allocator's own figures, into a process's books.
class AnonTerms {
 public:
  explicit AnonTerms(ProcessBooks* books) : books_(books) {}

  void Add(std::string_view name, std::uint64_t bytes, std::string_view source) {
    AddSigned(name, static_cast<std::int64_t>(bytes), source);
  }
  void TakeBack(std::string_view name, std::uint64_t bytes, std::string_view source) {
    AddSigned(name, -static_cast<std::int64_t>(bytes), source);
  }
  void AddSigned(std::string_view name, std::int64_t bytes, std::string_view source) {
    books_->terms.push_back(
        {.of = "anon", .name = std::string(name), .bytes = bytes, .source = std::string(source)});
  }
  void Figure(std::string_view name, std::uint64_t bytes) {
    books_->allocator.figures.push_back({.name = std::string(name), .bytes = bytes});
  }

 private:
  ProcessBooks* books_;
};

}  // namespace strata

#endif  // STRATA_ACCOUNTING_ANON_TERM_LIST_H_
