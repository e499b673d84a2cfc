#include "cache/packed/list_code.h"

#include <algorithm>
#include <atomic>

namespace strata::packed {
namespace {

// Scratch buffers larger than this are not kept between writes.
constexpr std::size_t kKeptScratchBytes = std::size_t{64} << 10;

// What follows a count of 0.
constexpr std::uint8_t kEmpty = 0;
constexpr std::uint8_t kGrowing = 1;

std::uint64_t Word(std::size_t count, std::size_t bytes) {
  return static_cast<std::uint64_t>(count) << 32 | bytes;
}
std::atomic_ref<std::uint64_t> AtomicWord(std::uint8_t* word) {
  return std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(word));
}
// The next address that a word may have.
std::uint8_t* WordPlace(const std::uint8_t* at) {
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(at);
  return const_cast<std::uint8_t*>(at + (8 - address % 8) % 8);
}
// Writes what stands before a growing list's area; where that begins.
std::uint8_t* WriteGrowingHead(std::size_t count, std::size_t record_bytes, std::size_t area_bytes,
                               std::uint8_t* to) {
  *to++ = 0;
  *to++ = kGrowing;
  std::uint8_t* const place = WordPlace(WriteVarint(area_bytes, to));
  AtomicWord(place).store(Word(count, record_bytes), std::memory_order_relaxed);
  return place + sizeof(std::uint64_t);
}

}  // namespace

const std::uint8_t* StoredList::AtMark(std::size_t mark) const {
  const std::size_t place = mark * marks.bytes;
  const std::uint8_t* const at =
      word != nullptr ? directory - place : directory + place - marks.bytes;
  std::uint32_t offset = *at;  // little-endian, as all of the log
  if (marks.bytes == 2) {
    std::memcpy(&offset, at, 2);
  } else if (marks.bytes == 4) {
    std::memcpy(&offset, at, 4);
  }
  return records + offset;
}

RecordPlace StoredList::PlaceOf(std::size_t index) const {
  const std::size_t mark = std::min(index >> marks.stride_bits, marks.Count(count));
  if (mark == 0) return {records, index};
  return {AtMark(mark), index - (mark << marks.stride_bits)};
}

StoredList ReadList(const std::uint8_t* at) {
  std::uint64_t head = 0;
  const std::uint8_t* const directory = ReadVarint(at, &head);
  if (head > 0) {
    const std::size_t count = static_cast<std::size_t>(head >> 2);
    const MarkForm marks = kMarkForms[head & 3];
    return {.count = count,
            .marks = marks,
            .directory = directory,
            .records = directory + marks.Bytes(count)};
  }
  if (*directory == kEmpty) return {.directory = directory + 1, .records = directory + 1};
  std::uint64_t area_bytes = 0;
  std::uint8_t* const place = WordPlace(ReadVarint(directory + 1, &area_bytes));
  const std::uint64_t word = AtomicWord(place).load(std::memory_order_acquire);
  const std::uint8_t* const area = place + sizeof(word);
  return {.count = static_cast<std::size_t>(word >> 32),
          .directory = area + area_bytes,
          .records = area,
          .word = place,
          .area_bytes = static_cast<std::size_t>(area_bytes),
          .record_bytes = static_cast<std::size_t>(word & 0xFFFFFFFF)};
}

void CopyGrowing(const StoredList& list, std::uint8_t* to, std::size_t area_bytes) {
  std::uint8_t* const area = WriteGrowingHead(list.count, list.record_bytes, area_bytes, to);
  std::memcpy(area, list.records, list.record_bytes);
  const std::size_t marks_bytes = list.marks.Bytes(list.count);
  std::memcpy(area + area_bytes - marks_bytes, list.directory - marks_bytes, marks_bytes);
}

const std::uint8_t* ReleaseRecord(const std::uint8_t* at, StringCoder* strings, Shapes* shapes) {
  const StoredRecord record = ReadRecord(at, *shapes);
  const bool shaped = record.shape_keys != nullptr;
  const std::uint8_t* const end = record.ForEach([&](const Token& key, const Token& value) {
    if (!shaped) strings->Release(key);
    strings->Release(value);
    return true;
  });
  if (shaped) shapes->Release(record.shape);
  return end;
}

void ListWriter::Begin() {
  bytes_.Clear();
  starts_.Clear();
  new_records_.Clear();
  last_is_new_ = false;
  leaves_out_ = false;
  left_out_.Clear();
  left_out_bytes_ = 0;
}

void ListWriter::BeginLeavingOut() {
  Begin();
  leaves_out_ = true;
}

bool ListWriter::BeginRecord(bool is_new) {
  if (!starts_.TryReserve(starts_.size() + 1)) return false;
  if (is_new) {
    if (!last_is_new_ && !new_records_.TryPushBack({bytes_.size(), 0})) return false;
    ++new_records_.back().count;
  }
  last_is_new_ = is_new;
  return starts_.TryPushBack(static_cast<std::uint32_t>(record_bytes()));
}

bool ListWriter::WriteHead(std::uint64_t head) {
  if (!bytes_.TryReserve(bytes_.size() + kMaxVarintBytes)) return false;
  bytes_.SetSize(static_cast<std::size_t>(WriteVarint(head, bytes_.end()) - bytes_.data()));
  return true;
}

// write(left_out) appends the value's token to bytes_.
template <class WriteToken>
bool ListWriter::WriteValue(WriteToken write) {
  LeftOut value = {bytes_.size(), {}, false};
  if (!write(leaves_out_ ? &value.text : nullptr)) return false;
  // What stands in for it names nothing that would have to be given back.
  return value.text.empty() || LeaveOut(value);
}

bool ListWriter::LeaveOut(const LeftOut& left_out) {
  if (!left_out_.TryPushBack(left_out)) return false;
  left_out_bytes_ += left_out.more_bytes();
  return true;
}

// The last one, which is new.
void ListWriter::DropRecord(Place begin) {
  while (left_out_.size() > begin.left_out) {
    left_out_bytes_ -= left_out_.back().more_bytes();
    left_out_.PopBack();
  }
  bytes_.SetSize(begin.bytes);
  starts_.PopBack();
  last_is_new_ = --new_records_.back().count > 0;
  if (!last_is_new_) new_records_.PopBack();
}

bool ListWriter::Add(RecordView record) {
  const Place begin = Here();
  if (!BeginRecord(true)) return false;
  const std::optional<ShapeId> shape = shapes_->Acquire(record);
  bool written = WriteHead(shape.has_value() ? std::uint64_t{*shape} << 1 | 1
                                             : std::uint64_t{record.size()} << 1);
  const std::size_t tokens = bytes_.size();
  for (std::size_t i = 0; written && i < record.size(); ++i) {
    const Pair& pair = record[i];
    if (!shape.has_value()) written = strings_->Write(pair.key, StringPolicy::kKeys, &bytes_);
    written =
        written && WriteValue([&](std::string_view* left_out) {
          return strings_->Write(pair.value, StringPolicy::ValuesOf(pair.key), &bytes_, left_out);
        });
  }
  if (written) return true;
  strings_->ReleaseAll(bytes_.data() + tokens, bytes_.end());
  if (shape.has_value()) shapes_->Release(*shape);
  DropRecord(begin);
  return false;
}

bool ListWriter::AddStored(const std::uint8_t* begin, const std::uint8_t* end) {
  const std::size_t size = static_cast<std::size_t>(end - begin);
  if (leaves_out_ && size >= StringCoder::kLeaveOutBytes) {
    const std::string_view record(reinterpret_cast<const char*>(begin), size);
    return left_out_.TryReserve(left_out_.size() + 1) && BeginRecord(false) &&
           LeaveOut({bytes_.size(), record, true});
  }
  if (!bytes_.TryReserve(bytes_.size() + size)) return false;
  if (!BeginRecord(false)) return false;
  std::memcpy(bytes_.end(), begin, size);
  bytes_.SetSize(bytes_.size() + size);
  return true;
}

bool ListWriter::AddRewritten(const StoredRecord& record) {
  const Place begin = Here();
  if (!BeginRecord(true)) return false;
  std::optional<ShapeId> shape;
  if (record.shape_keys != nullptr) shape = shapes_->AddReferenceToBest(record.shape);
  bool written = WriteHead(shape.has_value() ? std::uint64_t{*shape} << 1 | 1 : record.pairs << 1);
  const std::size_t tokens = bytes_.size();
  if (written) {
    record.ForEach([&](const Token& key, const Token& value) {
      if (!shape.has_value()) written = strings_->Rewrite(key, &bytes_);
      written = written && WriteValue([&](std::string_view* left_out) {
                  return strings_->Rewrite(value, &bytes_, left_out);
                });
      return written;
    });
  }
  if (written) return true;
  strings_->ReleaseAll(bytes_.data() + tokens, bytes_.end());
  if (shape.has_value()) shapes_->Release(*shape);
  DropRecord(begin);
  return false;
}

void ListWriter::Rollback() {
  for (const NewRecords& records : new_records_) {
    const std::uint8_t* at = bytes_.data() + records.begin;
    for (std::uint64_t i = 0; i < records.count; ++i) at = ReleaseRecord(at, strings_, shapes_);
  }
  Begin();
}

std::size_t ListWriter::Form() const {
  const std::uint32_t last = starts_[count() - 1];
  return last <= 0xFF ? 0 : last <= 0xFFFF ? 1 : 2;
}

std::size_t ListWriter::size_bytes() const {
  if (count() == 0) return 2;
  return VarintSize(std::uint64_t{count()} << 2) + kMarkForms[Form()].Bytes(count()) +
         record_bytes();
}

std::uint8_t* ListWriter::CopyRecords(std::uint8_t* to) const {
  std::size_t copied = 0;
  const auto copy_until = [&](std::size_t end) {
    if (end > copied) std::memcpy(to, bytes_.data() + copied, end - copied);
    to += end - copied;
    copied = end;
  };
  for (const LeftOut& value : left_out_) {
    copy_until(value.at);
    if (value.is_record) {
      std::memcpy(to, value.text.data(), value.text.size());
      to += value.text.size();
    } else {
      to = WriteInlineToken(value.text, to);
      copied += kStandInBytes;
    }
  }
  copy_until(bytes_.size());
  return to;
}

std::uint8_t* ListWriter::CopyTo(std::uint8_t* to) const {
  if (count() == 0) {
    *to++ = 0;
    *to++ = kEmpty;
    return to;
  }
  const MarkForm marks = kMarkForms[Form()];
  to = WriteVarint(std::uint64_t{count()} << 2 | Form(), to);
  for (std::size_t i = marks.stride(); i < count(); i += marks.stride()) {
    std::memcpy(to, &starts_[i], marks.bytes);
    to += marks.bytes;
  }
  return CopyRecords(to);
}

void ListWriter::CopyGrowingTo(std::uint8_t* to, std::size_t area_bytes) const {
  std::uint8_t* const area = WriteGrowingHead(count(), record_bytes(), area_bytes, to);
  CopyRecords(area);
  for (std::size_t mark = 1; mark <= kGrowingMarks.Count(count()); ++mark) {
    const std::uint32_t offset = starts_[mark * kGrowingMarks.stride()];
    std::memcpy(area + area_bytes - mark * sizeof(offset), &offset, sizeof(offset));
  }
}

void ListWriter::AppendTo(const StoredList& list) const {
  // The blob is the log's and this is its writer: what lies behind the published bytes is nobody
  // else's.
  std::uint8_t* const area = const_cast<std::uint8_t*>(list.records);
  CopyRecords(area + list.record_bytes);
  const std::size_t whole = list.count + count();
  for (std::size_t mark = list.marks.Count(list.count) + 1; mark <= list.marks.Count(whole);
       ++mark) {
    const std::uint32_t start = starts_[mark * list.marks.stride() - list.count];
    const std::uint32_t offset = static_cast<std::uint32_t>(list.record_bytes + start);
    std::memcpy(area + list.area_bytes - mark * sizeof(offset), &offset, sizeof(offset));
  }
  AtomicWord(list.word).store(Word(whole, list.record_bytes + record_bytes()),
                              std::memory_order_release);
}

void ListWriter::Trim() {
  Begin();
  if (bytes_.capacity_bytes() > kKeptScratchBytes) bytes_.Free();
  if (starts_.capacity_bytes() > kKeptScratchBytes) starts_.Free();
  if (new_records_.capacity_bytes() > kKeptScratchBytes) new_records_.Free();
  if (left_out_.capacity_bytes() > kKeptScratchBytes) left_out_.Free();
}

void ListWriter::Free() {
  bytes_.Free();
  starts_.Free();
  new_records_.Free();
  left_out_.Free();
}

void ListWriter::AddTo(Layer* scratch) const {
  bytes_.AddTo(scratch);
  starts_.AddTo(scratch);
  new_records_.AddTo(scratch);
  left_out_.AddTo(scratch);
}

}  // namespace strata::packed
