#include "loader/json_window.h"

#include <cstring>

namespace strata {

absl::StatusOr<bool> JsonWindow::More() {
  if (at_end_) return false;
  MakeRoom();
  absl::StatusOr<std::size_t> got =
      stream_->Read({buffer_.data() + end_, buffer_.capacity() - kBackBytes - end_});
  if (!got.ok()) return got.status();
  end_ += *got;
  at_end_ = *got == 0;
  return !at_end_;
}

void JsonWindow::MakeRoom() {
  const std::size_t frame = kFrontBytes + kBackBytes;
  const std::size_t unread = end_ - begin_;
  // After a giant pair the window shrinks back.
  const bool oversized =
      buffer_.capacity() > 4 * (size_bytes_ + frame) && unread <= size_bytes_ / 2;
  if (buffer_.capacity() == 0 || oversized) {
    GrowingArray<char> fresh;
    fresh.Reserve(size_bytes_ + frame);
    if (unread > 0) std::memcpy(fresh.data() + kFrontBytes, at(), unread);
    buffer_ = std::move(fresh);
    begin_ = kFrontBytes;
    end_ = kFrontBytes + unread;
    return;
  }
  if (begin_ > kFrontBytes && unread <= buffer_.capacity() / 2) {
    std::memmove(buffer_.data() + kFrontBytes, at(), unread);
    begin_ = kFrontBytes;
    end_ = kFrontBytes + unread;
  }
  if (end_ + kBackBytes >= buffer_.capacity()) buffer_.Reserve(buffer_.capacity() + 1);
}

}  // namespace strata
