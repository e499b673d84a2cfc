// Names of any bytes on a terminal: nothing that moves the cursor comes through, and what is cut or
// folded has the columns that it was given.
//
// Threads: one.
#include "accounting/report/shown_text.h"

#include <string>

#include "gmock/gmock.h"

namespace strata {
namespace {

TEST(ShownTextTest, WhatATerminalWouldObeyIsEscaped) {
  EXPECT_EQ(Shown("plain name, ü, 名, 🙂"), "plain name, ü, 名, 🙂");
  EXPECT_EQ(Shown("a\nb\tc\r"), "a\\nb\\tc\\r");
  EXPECT_EQ(Shown("\x1b[31mred\x7f"), "\\x1b[31mred\\x7f");
  EXPECT_EQ(Shown(std::string("\0", 1)), "\\x00");
  EXPECT_EQ(Shown("C:\\new"), "C:\\\\new");
  // A C1 control sequence, an override of direction, a line separator, a mark without width.
  EXPECT_EQ(Shown("\u009b1m\u202eabc\u2028\u200b"), "\\u009b1m\\u202eabc\\u2028\\u200b");
}

TEST(ShownTextTest, BytesThatAreNoUtf8AreEscapedOneByOne) {
  EXPECT_EQ(Shown("a\xff\xfe"), "a\\xff\\xfe");
  EXPECT_EQ(Shown("\xc3"), "\\xc3");                             // cut off
  EXPECT_EQ(Shown("\xc0\xaf"), "\\xc0\\xaf");                    // a slash in too long a form
  EXPECT_EQ(Shown("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(Shown("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond the last
  EXPECT_EQ(Shown("\xe5\x90x"), "\\xe5\\x90x");
}

TEST(ShownTextTest, ColumnsAreATerminals) {
  EXPECT_EQ(ColumnsOf(""), 0u);
  EXPECT_EQ(ColumnsOf("abc"), 3u);
  EXPECT_EQ(ColumnsOf("äß€…"), 4u);
  EXPECT_EQ(ColumnsOf("名前"), 4u);
  EXPECT_EQ(ColumnsOf("한🙂"), 4u);
  EXPECT_EQ(ColumnsOf("e\u0301"), 1u);
}

TEST(ShownTextTest, CutsKeepTheirColumnsAndWholeCharacters) {
  EXPECT_EQ(CutEnd("abcdef", 6), "abcdef");
  EXPECT_EQ(CutEnd("abcdef", 5), "abcd…");
  EXPECT_EQ(CutBegin("abcdef", 6), "abcdef");
  EXPECT_EQ(CutBegin("abcdef", 5), "…cdef");
  EXPECT_EQ(CutEnd("名前名前", 6), "名前…");
  EXPECT_EQ(CutBegin("名前名前", 6), "…名前");
}

TEST(ShownTextTest, FoldsBreakAtBlanksThenAtMarksThenAnywhere) {
  EXPECT_EQ(Folded("short", 10, 2), "short");
  EXPECT_EQ(Folded("one two three", 8, 2), "one two\n  three");
  EXPECT_EQ(Folded("one two three", 7, 2), "one two\n  three");
  EXPECT_EQ(Folded("/usr/share/doc/x", 12, 0), "/usr/share/\ndoc/x");
  EXPECT_EQ(Folded("abcdefghij", 4, 1), "abcd\n efg\n hij");
  EXPECT_EQ(Folded("名前名前", 5, 1), "名前\n 名前");
}

}  // namespace
}  // namespace strata
