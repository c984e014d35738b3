# The unit tests of a plugin in C, natively: what a project's Makefile includes.
#
# It sets JACKFIELD, the folder that holds `wit/` and `sdk/`. Everything under src/ and tests/ is
# compiled together with the SDK and its test host, and run. The sanitizers find what a sandbox would
# hide; SANITIZE= leaves them out where the compiler has none.
SDK := $(JACKFIELD)/sdk/c
CC ?= cc
SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS ?= -g -O1
WARNINGS ?= -Wall -Wextra -Werror

SOURCES := $(shell find src tests -name '*.c')
OF_SDK := $(wildcard $(SDK)/src/*.c $(SDK)/testing/*.c)
HEADERS := $(shell find src tests $(SDK) -name '*.h')

.PHONY: test clean
test: build/tests
	build/tests

build/tests: $(SOURCES) $(OF_SDK) $(HEADERS)
	@mkdir -p build
	$(CC) -std=gnu11 $(CFLAGS) $(WARNINGS) $(SANITIZE) -I$(SDK)/include -I$(SDK)/testing -Isrc \
		$(SOURCES) $(OF_SDK) -lm -o $@

clean:
	rm -rf build
