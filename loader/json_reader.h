// The JSON source: walks the outer levels of a document or of lines, a step a call, and fills
// batches. Layers below: ByteStream → JsonWindow → JsonLexer, JsonNavigator, JsonListReader.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_JSON_READER_H_
#define STRATA_LOADER_JSON_READER_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include <strata/json_source.h>
#include <strata/source.h>

#include "loader/byte_stream.h"
#include "loader/json_error.h"
#include "loader/json_lexer.h"
#include "loader/json_list_reader.h"
#include "loader/json_navigator.h"
#include "loader/json_tuning.h"
#include "loader/json_window.h"
#include "loader/outer_set.h"

namespace strata {

class JsonReader final : public Source {
 public:
  /// May throw std::bad_alloc; InvalidArgument where the root is no JSON pointer.
  static absl::StatusOr<std::unique_ptr<Source>> Make(std::unique_ptr<ByteStream> stream,
                                                      std::string name, const JsonOptions& options,
                                                      const JsonTuning& tuning = {});

  absl::Status Read(Batch* batch) override;
  std::string name() const override { return input_.name; }
  SourceProgress progress() const override;

 private:
  enum class Phase {
    kSeek,    // on the way to the root, or behind it
    kOuters,  // in the root's object
    kInners,  // in an outer's object
    kLine,    // between lines
    kDone,
  };

  JsonReader(std::unique_ptr<ByteStream> stream, std::string name, JsonPointer pointer,
             const JsonOptions& options, const JsonTuning& tuning);

  absl::Status ReadSteps(Batch* batch);
  absl::Status Step(Batch* batch);
  absl::Status StepSeek(Batch* batch);
  absl::Status StepOuter(Batch* batch);
  absl::Status StepInner(Batch* batch);
  absl::Status StepLine(Batch* batch);
  absl::Status BeginRoot(Batch* batch);
  absl::Status EndDocument(Batch* batch);
  absl::Status OpenOuter(Batch* batch);
  absl::Status SplitLine(Batch* batch);
  absl::StatusOr<bool> NextMember(const JsonPath& path, std::string_view key_name);
  absl::Status NoEntries(const JsonPath& path, int found);
  absl::Status NoList(const JsonPath& path, int found);
  absl::Status NoRoot(int found);
  int FirstValueOfObject();
  std::string RepeatedInLongLine() const;

  JsonPath RootPath() const { return {.root = pointer_.text()}; }
  JsonPath OuterPath() const { return {.root = pointer_.text(), .outer = outer_}; }
  JsonPath EntryPath() const { return {.root = pointer_.text(), .outer = outer_, .inner = inner_}; }

  const JsonPointer pointer_;
  const JsonTuning tuning_;
  JsonInput input_;
  JsonWindow window_;
  JsonLexer lexer_;
  JsonNavigator navigator_;
  JsonListReader lists_;

  Phase phase_;
  bool first_member_ = true;  // of the object the phase is in
  bool root_seen_ = false;    // in this document
  std::string outer_;
  std::string inner_;
  absl::Status failed_;

  // Of the line that is being read.
  std::size_t line_first_change_ = 0;
  std::size_t line_first_byte_ = 0;  // of the batch's memory
  bool line_split_ = false;
  OuterSet line_opened_;  // filled once the line is split
};

}  // namespace strata

#endif  // STRATA_LOADER_JSON_READER_H_
