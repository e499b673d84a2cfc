// Compiled for the precompiled headers it makes: tests/CMakeLists.txt.
