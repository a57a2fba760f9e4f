import { checkPrimeSync } from 'node:crypto'

/** Bounds of the public exponent, which is odd (FIPS 186-5 §A.1.1). */
const LEAST_EXPONENT = 65_537n
const EXPONENT_BOUND = 1n << 256n
/** A modulus has no factor below this (NIST SP 800-89 §5.3.3). */
const FACTOR_BOUND = 752
/** The library with the ROCA fault makes primes that are powers of its generator modulo small primes (CVE-2017-15361). */
const ROCA_GENERATOR = 65_537
const ROCA_BOUND = 168
/** Rounds of Fermat’s factoring. If the primes are close, one or two are enough (CVE-2022-26320). */
const FERMAT_ROUNDS = 10

const PRIMES = primesBelow(FACTOR_BOUND)
const ODD_PRIMES_OF_ROCA = PRIMES.filter((prime) => prime > 2 && prime < ROCA_BOUND)

/** Says why an attacker could sign by this RSA key; undefined if the key is strong. Takes some milliseconds. */
export function weaknessOfRsaKey(modulus: bigint, exponent: bigint): string | undefined {
  if (exponent % 2n === 0n || exponent < LEAST_EXPONENT || exponent >= EXPONENT_BOUND)
    return 'its public exponent is not an odd number of 65537 or more'
  if (modulus % 2n === 0n) return 'its modulus is even'
  if (PRIMES.some((prime) => modulus % BigInt(prime) === 0n)) return 'its modulus has a small factor'
  if (checkPrimeSync(modulus)) return 'its modulus is a prime'
  if (hasRocaFingerprint(modulus)) return 'it was made by a library with the ROCA fault'
  if (hasClosePrimes(modulus)) return 'its primes are close to each other'
  return undefined
}

/**
 * Tells whether the modulus is a power of the generator modulo the product of all these primes. It takes the discrete
 * logarithm for each prime, and looks for one number that agrees with all. By chance, that happens once in 2^154.
 */
function hasRocaFingerprint(modulus: bigint): boolean {
  const known: Array<{ logarithm: number; order: number }> = []
  for (const prime of ODD_PRIMES_OF_ROCA) {
    const powers = powersOf(ROCA_GENERATOR % prime, prime)
    const logarithm = powers.indexOf(Number(modulus % BigInt(prime)))
    const order = powers.length
    const agrees = known.every((other) => (logarithm - other.logarithm) % divisor(order, other.order) === 0)
    if (logarithm < 0 || !agrees) return false
    known.push({ logarithm, order })
  }
  return true
}

function powersOf(base: number, prime: number): number[] {
  const powers = [1]
  for (let power = base; power !== 1; power = (power * base) % prime) powers.push(power)
  return powers
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b)
}

function hasClosePrimes(modulus: bigint): boolean {
  const root = squareRoot(modulus)
  for (let round = 0n; round < FERMAT_ROUNDS; round += 1n) {
    const mean = root + round
    const rest = mean * mean - modulus
    if (rest >= 0n && squareRoot(rest) ** 2n === rest) return true
  }
  return false
}

/** Returns the square root, rounded down, by Newton's method from above. */
function squareRoot(square: bigint): bigint {
  if (square === 0n) return 0n
  let root = 1n << BigInt(square.toString(16).length * 2)
  for (;;) {
    const next = (root + square / root) >> 1n
    if (next >= root) return root
    root = next
  }
}

function primesBelow(bound: number): number[] {
  const numbers = Array.from({ length: bound - 2 }, (_, index) => index + 2)
  return numbers.filter((number) => numbers.every((other) => other * other > number || number % other !== 0))
}
