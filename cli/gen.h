// Synthetic data: the shapes that measurements are made on, the same bytes for the same shape,
// size and seed on every machine.
//
// Invariants: everything is integers modulo 2^64 but for one chain of IEEE double multiplications
// (so this file is compiled without contraction to fused multiply-adds), and draws happen in the
// order of the statements. The bytes are pinned by checksums in tests/cli/gen_test.cc: they never
// change, since recorded results name them.
//
// Threads: Generate shares nothing; safe from any.
#ifndef STRATA_CLI_GEN_H_
#define STRATA_CLI_GEN_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace strata {

/// Takes the next bytes of the document, about a MiB at a time; an error ends the generation.
using GenSink = absl::FunctionRef<absl::Status(std::string_view)>;

/// forum: 2 or 3 pairs a record, repeated texts; unique: every value its own text; rows: records
/// of the same 8 columns; sparse: few and small lists under many outers.
std::span<const std::string_view> GenShapes();

/// The most records one document may have: beyond it names would repeat their arithmetic.
inline constexpr std::uint64_t kGenMaxRecords = 1'000'000'000'000;

/// Writes one JSON document of `records` records of that shape to `sink`. InvalidArgument: no such
/// shape, or more than kGenMaxRecords; else the sink's own error, as it is.
absl::Status Generate(std::string_view shape, std::uint64_t records, std::uint64_t seed,
                      GenSink sink);

}  // namespace strata

#endif  // STRATA_CLI_GEN_H_
