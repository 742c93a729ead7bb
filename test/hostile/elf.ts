// Machine code programs for system calls that no library makes. x86-64 only.

const BASE = 0x400000

/** Returns `mov r64, imm64`, which loads a number into a register. */
const load = (opcode: readonly number[], value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(value))
  return Buffer.concat([Buffer.from(opcode), bytes])
}
const [RAX, RDI, RSI, RDX, RBX, RCX] = [
  [0x48, 0xb8],
  [0x48, 0xbf],
  [0x48, 0xbe],
  [0x48, 0xba],
  [0x48, 0xbb],
  [0x48, 0xb9],
] as const
const SYSCALL = Buffer.from([0x0f, 0x05])
const INT80 = Buffer.from([0xcd, 0x80])
/** An endless loop: a jump to itself. */
const LOOP = Buffer.from([0xeb, 0xfe])

/** Address of the name, at the start of the image below 4 GB so that a 32-bit pointer can reach it. */
const NAME = 'was-here\0'
const HEAD = 64 + 56
const NAME_AT = BASE + HEAD

/** Calls memfd_create like a 32-bit program, then loops. */
export const memfd32 = (): Buffer => elf([load(RBX, NAME_AT), load(RCX, 0), load(RAX, 356), INT80, LOOP])

/** Calls memfd_create with the x32 bit, then loops. */
export const memfdX32 = (): Buffer =>
  elf([load(RDI, NAME_AT), load(RSI, 0), load(RDX, 0), load(RAX, 0x40000000 + 319), SYSCALL, LOOP])

/** Calls memfd_create like a normal 64-bit program, then loops. */
export const memfd64 = (): Buffer => elf([load(RDI, NAME_AT), load(RSI, 0), load(RAX, 319), SYSCALL, LOOP])

/** Returns a static executable with one segment: headers, the name, the code. */
function elf(code: readonly Buffer[]): Buffer {
  const name = Buffer.from(NAME.padEnd(16, '\0'))
  const body = Buffer.concat([name, ...code])
  const head = Buffer.alloc(HEAD)
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  head.writeUInt16LE(2, 16)
  head.writeUInt16LE(62, 18)
  head.writeUInt32LE(1, 20)
  head.writeBigUInt64LE(BigInt(BASE + HEAD + name.length), 24)
  head.writeBigUInt64LE(64n, 32)
  head.writeUInt16LE(64, 52)
  head.writeUInt16LE(56, 54)
  head.writeUInt16LE(1, 56)
  // Program header: one segment with the whole file, readable and executable.
  head.writeUInt32LE(1, 64)
  head.writeUInt32LE(5, 68)
  for (const [at, value] of [
    [72, 0],
    [80, BASE],
    [88, BASE],
    [96, HEAD + body.length],
    [104, HEAD + body.length],
    [112, 0x1000],
  ] as const)
    head.writeBigUInt64LE(BigInt(value), at)
  return Buffer.concat([head, body])
}
