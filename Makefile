# The commands of daily work, over CMakePresets.json. `make help` lists them.
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
PRESETS := dev release asan tsan fuzz coverage

.DEFAULT_GOAL := help
.PHONY: help demo test test-mysql storm browser deps deps-ci bench bench-readers bench-mysql coverage format format-check tidy asan tsan fuzz \
        install clean build-program build-bench $(PRESETS:%=build-%)

help:  ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

demo: build-program  ## from a private MySQL server to the footprint of every layout
	cli/demo/demo.sh build/release

test: build-dev  ## build and run all tests
	ctest --preset dev

test-mysql: build-dev  ## the tests with a server beside Oracle's MySQL, of Debian unstable, in a folder of build/
	tests/kit/oracle_mysql.sh build/oracle-mysql
	PATH="$(CURDIR)/build/oracle-mysql/bin:$$PATH" ctest --preset dev -L server -E private_mariadb_test

storm: build-dev  ## the loader's proof for a minute: six writers, all faults, and nothing lost
	ctest --preset dev -C storm -L storm

browser: build-dev | deps-ci  ## the HTML pages in a headless Chromium; pictures in build/dev
	ctest --preset browser

deps:  ## install what build, demo, tests and benchmarks lack (as root)
	@cmake/install_packages.sh main

deps-ci: deps  ## install what only CI needs besides: clang, fuzzing, coverage, format
	@cmake/install_packages.sh ci

bench: build-bench  ## the short benchmark table, into bench/results/
	bench/run.sh build/release

bench-readers: build-bench  ## what a read costs beside a reader and beside a writer
	build/release/bench/suites/strata_readers_ratio

bench-mysql: build-bench  ## what loading a table costs over draining it
	tests/kit/private_mariadb.sh run -- build/release/bench/suites/strata_mysql_ratio

coverage: build-coverage  ## run the tests and report line coverage
	find build/coverage -name '*.gcda' -delete
	ctest --preset coverage
	gcovr --root . --object-directory build/coverage -j $(JOBS) \
	  --filter accounting/ --filter cache/ --filter loader/ --filter cli/ \
	  --filter bench/baselines/ --exclude-throw-branches \
	  --exclude-directories '.*CompilerIdCXX.*' \
	  --html-details build/coverage/coverage.html --print-summary

SOURCES = $$(find accounting cache loader cli bench tests -name '*.h' -o -name '*.cc')

format: deps-ci  ## put all sources into the one format
	clang-format-14 -i $(SOURCES)

format-check: deps-ci  ## fail where `make format` would change something
	clang-format-14 --dry-run -Werror $(SOURCES)

tidy: build-asan  ## clang-tidy's opinion of all sources (slow)
	sed -n 's/^ *"file": "\(.*\.cc\)".*/\1/p' build/asan/compile_commands.json | \
	  xargs -P $(JOBS) -n 1 clang-tidy-14 --quiet -p build/asan

asan: build-asan  ## all of it by clang, the tests under AddressSanitizer and UBSan
	ctest --preset asan

tsan: build-tsan  ## the tests with threads under ThreadSanitizer
	ctest --preset tsan

fuzz: build-fuzz  ## run each fuzzer for FUZZ_SECONDS
	STRATA_FUZZ_SECONDS=$(FUZZ_SECONDS) ctest --preset fuzz

install: build-program  ## install into PREFIX, /usr/local when none is given
	cmake --install build/release --prefix $(or $(PREFIX),/usr/local)

clean:  ## remove everything built
	rm -rf build

# Configuring costs seconds and ninja repeats it by itself when a CMakeLists.txt changes: only a
# first time or a changed preset asks for it here.
$(PRESETS:%=build/%/build.ninja): build/%/build.ninja: CMakePresets.json | deps
	cmake --preset $*
	@touch $@
build/asan/build.ninja build/tsan/build.ninja build/fuzz/build.ninja build/coverage/build.ninja: | deps-ci

$(PRESETS:%=build-%): build-%: build/%/build.ninja
	cmake --build --preset $* --parallel $(JOBS)

build-bench: build/release/build.ninja
	cmake --build --preset release --parallel $(JOBS) --target strata_bench \
	  strata_readers_ratio strata_mysql_ratio

build-program: build/release/build.ninja
	cmake --build --preset release --parallel $(JOBS) --target strata strata-demo-fill
