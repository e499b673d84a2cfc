#include "cache/packed/list_code.h"

namespace strata::packed {
namespace {

// Scratch buffers larger than this are not kept between writes.
constexpr std::size_t kKeptScratchBytes = std::size_t{64} << 10;

}  // namespace

StoredRecord ReadRecord(const std::uint8_t* at, const Shapes& shapes) {
  std::uint64_t head = 0;
  at = ReadVarint(at, &head);
  if ((head & 1) == 0) return {.pairs = static_cast<std::size_t>(head >> 1), .tokens = at};
  const ShapeId shape = static_cast<ShapeId>(head >> 1);
  return {shapes.key_count(shape), shapes.keys(shape), at, shape};
}

const std::uint8_t* SkipRecord(const std::uint8_t* at, const Shapes& shapes) {
  std::uint64_t head = 0;
  at = ReadVarint(at, &head);
  std::size_t tokens = (head & 1) == 0 ? static_cast<std::size_t>(head >> 1) * 2
                                       : shapes.key_count(static_cast<ShapeId>(head >> 1));
  for (; tokens > 0; --tokens) at = SkipToken(at);
  return at;
}

const std::uint8_t* StoredList::Start(std::size_t index, const Shapes& shapes) const {
  const std::uint8_t* at = records;
  const std::size_t stride =
      index == count && index > 0 ? (index - 1) / kDirectoryStride : index / kDirectoryStride;
  if (stride > 0) {
    std::uint32_t offset = 0;
    std::memcpy(&offset, directory + (stride - 1) * sizeof(offset), sizeof(offset));
    at += offset;
  }
  for (std::size_t i = stride * kDirectoryStride; i < index; ++i) at = SkipRecord(at, shapes);
  return at;
}

StoredList ReadList(const std::uint8_t* at) {
  std::uint64_t count = 0;
  const std::uint8_t* const directory = ReadVarint(at, &count);
  const std::size_t marks = count == 0 ? 0 : (count - 1) / kDirectoryStride;
  return {static_cast<std::size_t>(count), directory, directory + marks * sizeof(std::uint32_t)};
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
}

bool ListWriter::BeginRecord(bool is_new) {
  if (!starts_.TryReserve(starts_.size() + 1)) return false;
  if (is_new && !new_records_.TryPushBack(bytes_.size())) return false;
  return starts_.TryPushBack(bytes_.size());
}

bool ListWriter::WriteHead(std::uint64_t head) {
  if (!bytes_.TryReserve(bytes_.size() + kMaxVarintBytes)) return false;
  bytes_.SetSize(static_cast<std::size_t>(WriteVarint(head, bytes_.end()) - bytes_.data()));
  return true;
}

void ListWriter::DropRecord(std::size_t start) {
  bytes_.SetSize(start);
  starts_.PopBack();
  new_records_.PopBack();
}

bool ListWriter::Add(RecordView record) {
  const std::size_t start = bytes_.size();
  if (!BeginRecord(true)) return false;
  const std::optional<ShapeId> shape = shapes_->Acquire(record);
  bool written = WriteHead(shape.has_value() ? std::uint64_t{*shape} << 1 | 1
                                             : std::uint64_t{record.size()} << 1);
  const std::size_t tokens = bytes_.size();
  for (std::size_t i = 0; written && i < record.size(); ++i) {
    const Pair& pair = record[i];
    if (!shape.has_value()) written = strings_->Write(pair.key, StringPolicy::kKeys, &bytes_);
    written = written && strings_->Write(pair.value, StringPolicy::ValuesOf(pair.key), &bytes_);
  }
  if (written) return true;
  for (const std::uint8_t* at = bytes_.data() + tokens; at < bytes_.end();) {
    Token token;
    at = ReadToken(at, &token);
    strings_->Release(token);
  }
  if (shape.has_value()) shapes_->Release(*shape);
  DropRecord(start);
  return false;
}

bool ListWriter::AddStored(const std::uint8_t* begin, const std::uint8_t* end) {
  const std::size_t size = static_cast<std::size_t>(end - begin);
  if (!bytes_.TryReserve(bytes_.size() + size)) return false;
  if (!BeginRecord(false)) return false;
  std::memcpy(bytes_.end(), begin, size);
  bytes_.SetSize(bytes_.size() + size);
  return true;
}

bool ListWriter::AddRewritten(const StoredRecord& record) {
  const std::size_t start = bytes_.size();
  if (!BeginRecord(true)) return false;
  const bool shaped = record.shape_keys != nullptr;
  if (shaped) shapes_->AddReference(record.shape);
  bool written = WriteHead(shaped ? std::uint64_t{record.shape} << 1 | 1 : record.pairs << 1);
  const std::size_t tokens = bytes_.size();
  if (written) {
    record.ForEach([&](const Token& key, const Token& value) {
      if (!shaped) written = strings_->Rewrite(key, &bytes_);
      written = written && strings_->Rewrite(value, &bytes_);
      return written;
    });
  }
  if (written) return true;
  for (const std::uint8_t* at = bytes_.data() + tokens; at < bytes_.end();) {
    Token token;
    at = ReadToken(at, &token);
    strings_->Release(token);
  }
  if (shaped) shapes_->Release(record.shape);
  DropRecord(start);
  return false;
}

void ListWriter::Rollback() {
  for (const std::uint64_t start : new_records_) {
    ReleaseRecord(bytes_.data() + start, strings_, shapes_);
  }
  Begin();
}

std::size_t ListWriter::size_bytes() const {
  const std::size_t marks = count() == 0 ? 0 : (count() - 1) / kDirectoryStride;
  return VarintSize(count()) + marks * sizeof(std::uint32_t) + bytes_.size();
}

std::uint8_t* ListWriter::CopyTo(std::uint8_t* to) const {
  to = WriteVarint(count(), to);
  for (std::size_t i = kDirectoryStride; i < count(); i += kDirectoryStride) {
    const std::uint32_t offset = static_cast<std::uint32_t>(starts_[i]);
    std::memcpy(to, &offset, sizeof(offset));
    to += sizeof(offset);
  }
  if (bytes_.size() > 0) std::memcpy(to, bytes_.data(), bytes_.size());
  return to + bytes_.size();
}

void ListWriter::Trim() {
  Begin();
  if (bytes_.capacity_bytes() > kKeptScratchBytes) bytes_.Free();
  if (starts_.capacity_bytes() > kKeptScratchBytes) starts_.Free();
  if (new_records_.capacity_bytes() > kKeptScratchBytes) new_records_.Free();
}

void ListWriter::Free() {
  bytes_.Free();
  starts_.Free();
  new_records_.Free();
}

void ListWriter::AddTo(Layer* scratch) const {
  bytes_.AddTo(scratch);
  starts_.AddTo(scratch);
  new_records_.AddTo(scratch);
}

}  // namespace strata::packed
