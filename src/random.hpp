#pragma once

#include <bit>
#include <cstdint>

namespace fairlead {

/// xoshiro128++ 1.0 (Blackman, Vigna: https://prng.di.unimi.it/xoshiro128plusplus.c), 32 bits a call, period 2^128 - 1.
/// `state` is four words that only the calling thread touches.
inline std::uint32_t nextRandom(std::uint32_t* state) noexcept {
  const std::uint32_t s0 = state[0];
  const std::uint32_t s1 = state[1];
  const std::uint32_t s2 = state[2] ^ s0;
  const std::uint32_t s3 = state[3] ^ s1;
  const std::uint32_t result = std::rotl(s0 + state[3], 7) + s0;
  state[0] = s0 ^ s3;
  state[1] = s1 ^ s2;
  state[2] = s2 ^ (s1 << 9);
  state[3] = std::rotl(s3, 11);
  return result;
}

/// A random position below `n` from 32 bits, by multiplication (Lemire 2019, without the rejection: bias below n/2^32).
inline std::uint32_t toBelow(std::uint32_t random, std::uint32_t n) noexcept {
  return static_cast<std::uint32_t>((std::uint64_t{random} * n) >> 32);
}

} // namespace fairlead
