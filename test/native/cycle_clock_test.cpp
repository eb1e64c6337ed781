// The cycle clock says what the system's clock says, whatever the thread does meanwhile.
#include "cycle_clock.hpp"

#include <chrono>
#include <thread>

#include "check.hpp"

using namespace fairlead;

namespace {

/// What the rate may be off by over a window, with room to spare.
constexpr double kToleranceMs = 0.001;

/// Readings for `ms`, each between two of the system's clock: so it does not matter how long the thread is held up.
std::uint64_t readings(CycleClock& clock, double ms) {
  std::uint64_t count = 0;
  for (const double begun = monotonicNow(); monotonicNow() - begun < ms; ++count) {
    const double before = monotonicNow();
    const double reading = clock.now();
    const double after = monotonicNow();
    CHECK(reading >= before - kToleranceMs);
    CHECK(reading <= after + kToleranceMs);
  }
  return count;
}

void agreesWithTheSystem() {
  CycleClock clock;
  CHECK(readings(clock, 60) > 0);
  for (const int pauseMs : {1, 12, 40}) {
    std::this_thread::sleep_for(std::chrono::milliseconds(pauseMs));
    CHECK(readings(clock, 30) > 0);
  }
}

void eachThreadHasItsOwn() {
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(agreesWithTheSystem);
  for (std::thread& thread : threads) thread.join();
}

} // namespace

int main() {
  agreesWithTheSystem();
  eachThreadHasItsOwn();
}
