// Can the sanitizers fail at all? Runs itself once more with a fault on purpose, and demands that it is reported.
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>

#include "check.hpp"

using fairlead::Core;
using fairlead::test::Block;

namespace {

/// Two threads with one core: both write its record in the block, which has a single writer.
int race() {
  Block block(1);
  Core core = block.core(0);
  const auto work = [&] {
    for (int i = 0; i < 10'000; ++i) core.random();
  };
  std::thread first(work);
  std::thread second(work);
  first.join();
  second.join();
  return 0;
}

/// A slot beyond the segment, which the caller should have refused.
int overrun() {
  Block block(1);
  Core core = block.core(0);
  core.removeSegments();
  core.addSegment(block.cells.data() + fairlead::kCellWords - 16, block.contributions.data(),
                  block.histograms.data());
  core.take(1, 0);
  return 0;
}

/// Exit code of this program with one argument, its output thrown away.
int codeOf(const char* fault) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(std::freopen("/dev/null", "w", stderr) != nullptr);
    execl("/proc/self/exe", "sanitizer_test", fault, nullptr);
    _exit(127);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 1) return std::strcmp(argv[1], "race") == 0 ? race() : overrun();
#if defined(__SANITIZE_THREAD__)
  constexpr int kReported = 66; // exitcode in TSAN_OPTIONS, which ctest sets
  CHECK(codeOf("race") == kReported);
#elif defined(__SANITIZE_ADDRESS__)
  CHECK(codeOf("overrun") == 1); // AddressSanitizer's own exit code; without it the program ends with 0
#else
  std::puts("built without a sanitizer: nothing to check");
#endif
}
