// Writes the bytes that stand for the first LENGTH operations of a seed: inputs for
// tests/fuzz/operations_fuzz.cc. With --text it prints the operations that a file of such bytes
// stands for, to read what a fuzzer has found.
//
//     operations_of_seed SEED LENGTH > FILE
//     operations_of_seed --text FILE
//
// Threads: one.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "tests/kit/draws.h"
#include "tests/kit/generator.h"
#include "tests/kit/operation.h"

namespace {

int PrintText(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "operations_of_seed: cannot open %s: does it exist?\n", path);
    return 1;
  }
  const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file),
                                        std::istreambuf_iterator<char>()};
  std::cout << strata::kit::ToText(strata::kit::OperationsOfBytes(bytes, bytes.size()));
  return 0;
}

int WriteBytes(std::uint64_t seed, std::uint64_t length) {
  strata::kit::RecordingDraws draws(seed);
  strata::kit::OperationGenerator generator(&draws);
  for (std::uint64_t i = 0; i < length; ++i) generator.Next();
  std::cout.write(draws.bytes().data(), static_cast<std::streamsize>(draws.bytes().size()));
  return std::cout.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--text") return PrintText(argv[2]);
  std::uint64_t seed = 0;
  std::uint64_t length = 0;
  if (argc != 3 || !absl::SimpleAtoi(argv[1], &seed) || !absl::SimpleAtoi(argv[2], &length)) {
    std::fputs("operations_of_seed SEED LENGTH > FILE | operations_of_seed --text FILE\n", stderr);
    return 2;
  }
  return WriteBytes(seed, length);
}
