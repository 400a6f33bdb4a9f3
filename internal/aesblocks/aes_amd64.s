//go:build !purego

#include "textflag.h"

// Registers, the same in all three modes:
//	DI dst, SI src, R10 groups left, R11 crypt, R12 skip, CX blocks left of the group's part
//	X5 to X15 the round keys, where they stay in registers

#define ARGUMENTS \
	MOVQ dst+8(FP), DI     \
	MOVQ src+16(FP), SI    \
	MOVQ groups+32(FP), R10 \
	MOVQ crypt+40(FP), R11 \
	MOVQ skip+48(FP), R12

#define KEYS(from) \
	MOVOU 0(from), X5    \
	MOVOU 16(from), X6   \
	MOVOU 32(from), X7   \
	MOVOU 48(from), X8   \
	MOVOU 64(from), X9   \
	MOVOU 80(from), X10  \
	MOVOU 96(from), X11  \
	MOVOU 112(from), X12 \
	MOVOU 128(from), X13 \
	MOVOU 144(from), X14 \
	MOVOU 160(from), X15

#define ENCRYPT(block) \
	AESENC X6, block  \
	AESENC X7, block  \
	AESENC X8, block  \
	AESENC X9, block  \
	AESENC X10, block \
	AESENC X11, block \
	AESENC X12, block \
	AESENC X13, block \
	AESENC X14, block \
	AESENCLAST X15, block

#define DECRYPT(block) \
	AESDEC X6, block  \
	AESDEC X7, block  \
	AESDEC X8, block  \
	AESDEC X9, block  \
	AESDEC X10, block \
	AESDEC X11, block \
	AESDEC X12, block \
	AESDEC X13, block \
	AESDEC X14, block \
	AESDECLAST X15, block

// SKIP copies the blocks after those that were worked on.
#define SKIP(loop, done) \
	MOVQ R12, CX    \
	TESTQ CX, CX    \
	JZ done         \
loop:               \
	MOVOU (SI), X2  \
	MOVOU X2, (DI)  \
	ADDQ $16, SI    \
	ADDQ $16, DI    \
	DECQ CX         \
	JNZ loop        \
done:

// func features() uint32
TEXT ·features(SB), NOSPLIT, $0-4
	MOVL $1, AX
	XORL CX, CX
	CPUID
	MOVL CX, ret+0(FP)
	RET

// EXPAND makes the next round key of X0 (FIPS 197, 5.2) and puts it behind the others.
#define EXPAND(constant, at) \
	AESKEYGENASSIST $constant, X0, X1 \
	PSHUFD $0xFF, X1, X1 \
	MOVO X0, X2          \
	PSLLO $4, X2         \
	PXOR X2, X0          \
	PSLLO $4, X2         \
	PXOR X2, X0          \
	PSLLO $4, X2         \
	PXOR X2, X0          \
	PXOR X1, X0          \
	MOVOU X0, at(DI)     \
	AESIMC X0, X3        \
	MOVOU X3, (160-at)(SI)

// func expand(key *[16]byte, enc, dec *[176]byte)
TEXT ·expand(SB), NOSPLIT, $0-24
	MOVQ key+0(FP), AX
	MOVQ enc+8(FP), DI
	MOVQ dec+16(FP), SI
	MOVOU (AX), X0
	MOVOU X0, (DI)
	MOVOU X0, 160(SI)
	EXPAND(0x01, 16)
	EXPAND(0x02, 32)
	EXPAND(0x04, 48)
	EXPAND(0x08, 64)
	EXPAND(0x10, 80)
	EXPAND(0x20, 96)
	EXPAND(0x40, 112)
	EXPAND(0x80, 128)
	EXPAND(0x1B, 144)
	EXPAND(0x36, 160)
	MOVOU X0, (SI) // the last as it is
	RET

// COUNT puts the counter into a block, through its first round key X15.
#define COUNT(block) \
	MOVQ R9, BX           \
	BSWAPQ BX             \
	MOVQ BX, X13          \
	MOVO X14, block       \
	PUNPCKLQDQ X13, block \
	PXOR X15, block       \
	INCQ R9

#define ROUND(at) \
	MOVOU at(AX), X15 \
	AESENC X15, X0 \
	AESENC X15, X1 \
	AESENC X15, X2 \
	AESENC X15, X3 \
	AESENC X15, X4 \
	AESENC X15, X5 \
	AESENC X15, X6 \
	AESENC X15, X7

#define XOR(at, block) \
	MOVOU at(SI), X13     \
	AESENCLAST X15, block \
	PXOR X13, block       \
	MOVOU block, at(DI)

// func ctr(enc *[176]byte, dst, src *byte, c *Counter, groups, crypt, skip int)
TEXT ·ctr(SB), NOSPLIT, $0-56
	ARGUMENTS
	MOVQ enc+0(FP), AX
	MOVQ c+24(FP), DX
	MOVQ 0(DX), R8
	MOVQ 8(DX), R9
	BSWAPQ R8
	MOVQ R8, X14

group:
	MOVQ R11, CX
	SUBQ $8, CX
	JLT few

eight: // counters in flight: AES takes a new block long before it is done with one
	MOVOU 0(AX), X15
	COUNT(X0)
	COUNT(X1)
	COUNT(X2)
	COUNT(X3)
	COUNT(X4)
	COUNT(X5)
	COUNT(X6)
	COUNT(X7)
	ROUND(16)
	ROUND(32)
	ROUND(48)
	ROUND(64)
	ROUND(80)
	ROUND(96)
	ROUND(112)
	ROUND(128)
	ROUND(144)
	MOVOU 160(AX), X15
	XOR(0, X0)
	XOR(16, X1)
	XOR(32, X2)
	XOR(48, X3)
	XOR(64, X4)
	XOR(80, X5)
	XOR(96, X6)
	XOR(112, X7)
	ADDQ $128, SI
	ADDQ $128, DI
	SUBQ $8, CX
	JGE eight

few:
	ADDQ $8, CX
	JZ skip

one:
	MOVOU 0(AX), X15
	COUNT(X0)
	MOVOU 16(AX), X1
	MOVOU 32(AX), X2
	MOVOU 48(AX), X3
	MOVOU 64(AX), X4
	MOVOU 80(AX), X5
	MOVOU 96(AX), X6
	MOVOU 112(AX), X7
	MOVOU 128(AX), X8
	MOVOU 144(AX), X9
	MOVOU 160(AX), X15
	AESENC X1, X0
	AESENC X2, X0
	AESENC X3, X0
	AESENC X4, X0
	AESENC X5, X0
	AESENC X6, X0
	AESENC X7, X0
	AESENC X8, X0
	AESENC X9, X0
	XOR(0, X0)
	ADDQ $16, SI
	ADDQ $16, DI
	DECQ CX
	JNZ one

skip:
	SKIP(copy, next)
	DECQ R10
	JNZ group
	MOVQ R9, 8(DX)
	RET

// func encryptCBC(enc *[176]byte, dst, src *byte, iv *[Size]byte, groups, crypt, skip int)
TEXT ·encryptCBC(SB), NOSPLIT, $0-56
	ARGUMENTS
	MOVQ enc+0(FP), AX
	KEYS(AX)
	MOVQ iv+24(FP), DX
	MOVOU (DX), X0

group:
	MOVQ R11, CX

one: // chain; the next group's waits for it, the copies do not
	MOVOU (SI), X1
	PXOR X5, X1
	PXOR X1, X0
	ENCRYPT(X0)
	MOVOU X0, (DI)
	ADDQ $16, SI
	ADDQ $16, DI
	DECQ CX
	JNZ one
	SKIP(copy, next)
	DECQ R10
	JNZ group
	MOVOU X0, (DX)
	RET

// func decryptCBC(dec *[176]byte, dst, src *byte, iv *[Size]byte, groups, crypt, skip int)
TEXT ·decryptCBC(SB), NOSPLIT, $0-56
	ARGUMENTS
	MOVQ dec+0(FP), AX
	KEYS(AX)
	MOVQ iv+24(FP), DX
	MOVOU (DX), X3

group:
	MOVQ R11, CX

one: // no block waits for another: the processor itself works on many
	MOVOU (SI), X1
	MOVO X1, X0
	PXOR X5, X0
	DECRYPT(X0)
	PXOR X3, X0
	MOVO X1, X3
	MOVOU X0, (DI)
	ADDQ $16, SI
	ADDQ $16, DI
	DECQ CX
	JNZ one
	SKIP(copy, next)
	DECQ R10
	JNZ group
	MOVOU X3, (DX)
	RET
