package report

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// wordsPerFigure bounds the random words that one figure may use up, so that a broken source (one that repeats itself, say) ends in
// an error and not in an endless loop. A sound source practically never meets the bound: from any inner state of the sampler the
// expected number of words still needed is under 32 (a pass of Algorithm 2 needs about 11, and 0.82 of the passes succeed), so by
// Markov's inequality 64 more words suffice with a chance of a half or better, and 16384 = 256 * 64 fail to suffice with a chance
// below 2^-256. The bound does not depend on the counts, so meeting it says nothing about them.
//
// The bound is also the overflow argument: every counter below grows by one only after a word was drawn, so none exceeds it, and
// with denominators up to maximumDenominator no product exceeds 2^14 * 2^20 = 2^34.
const (
	wordsPerFigure     = 1 << 14
	maximumDenominator = 1 << 20
)

// errRandomStuck is returned when a figure used up wordsPerFigure words.
var errRandomStuck = errors.New("the random source repeats itself")

// sampler draws exact samples from a source of uniform random bytes. It computes with uint64 only, without rounding anywhere.
type sampler struct {
	random io.Reader
	words  int     // words drawn so far
	buffer [8]byte // the last word; here, and not in word, so that it is allocated once
}

// word returns 64 random bits.
func (s *sampler) word() (uint64, error) {
	if s.words == wordsPerFigure {
		return 0, errRandomStuck
	}
	s.words++

	if _, err := io.ReadFull(s.random, s.buffer[:]); err != nil {
		return 0, fmt.Errorf("read random bytes: %w", err)
	}
	return binary.LittleEndian.Uint64(s.buffer[:]), nil
}

// below returns a uniform integer in [0, bound), bound > 0. Words above the largest multiple of the bound are drawn again: taking
// them modulo the bound would favour small values.
func (s *sampler) below(bound uint64) (uint64, error) {
	// 2^64 mod bound, computed without 2^64; words under it are the surplus.
	surplus := (math.MaxUint64%bound + 1) % bound
	for {
		word, err := s.word()
		if err != nil {
			return 0, err
		}
		if word >= surplus {
			return word % bound, nil
		}
	}
}

// bernoulli returns true with probability numerator/denominator, which is at most 1.
func (s *sampler) bernoulli(numerator, denominator uint64) (bool, error) {
	drawn, err := s.below(denominator)
	return drawn < numerator, err
}

// bernoulliExp returns true with probability exp(-gamma), gamma = numerator/denominator in [0, 1]: Algorithm 1 of Canonne, Kamath
// and Steinke (2020), its case of gamma up to 1, which is all that Algorithm 2 calls.
//
// Why it is exact: the loop gets past k with probability gamma^k/k!, and the sum of (-gamma)^k/k! is the chance of an odd end.
func (s *sampler) bernoulliExp(numerator, denominator uint64) (bool, error) {
	k := uint64(1)
	for {
		goOn, err := s.bernoulli(numerator, denominator*k)
		if err != nil {
			return false, err
		}
		if !goOn {
			return k%2 == 1, nil
		}
		k++
	}
}

// twoSidedGeometric returns k with probability (1-a)/(1+a) * a^|k|, a = exp(-numerator/denominator): Algorithm 2 of Canonne, Kamath
// and Steinke (2020), "Sampling a Discrete Laplace", with their s = numerator and t = denominator, both at least 1.
func (s *sampler) twoSidedGeometric(numerator, denominator uint64) (int64, error) {
	if numerator == 0 || denominator == 0 || numerator > maximumDenominator || denominator > maximumDenominator {
		return 0, fmt.Errorf("epsilon %d/%d is out of range", numerator, denominator)
	}
	for {
		magnitude, err := s.geometric(numerator, denominator)
		if err != nil {
			return 0, err
		}
		negative, err := s.bernoulli(1, 2)
		if err != nil {
			return 0, err
		}
		if negative && magnitude == 0 {
			continue // else zero would have two signs, and come twice as often as it should
		}
		if negative {
			return -int64(magnitude), nil
		}
		return int64(magnitude), nil
	}
}

// geometric returns m >= 0 with probability (1-a) a^m, a = exp(-numerator/denominator): the inner part of Algorithm 2. It draws
// u + denominator*v with probability proportional to exp(-(u + denominator*v)/denominator), then divides by the numerator.
func (s *sampler) geometric(numerator, denominator uint64) (uint64, error) {
	for {
		u, err := s.below(denominator)
		if err != nil {
			return 0, err
		}
		keep, err := s.bernoulliExp(u, denominator)
		if err != nil {
			return 0, err
		}
		if !keep {
			continue
		}
		v, err := s.expOneRun()
		if err != nil {
			return 0, err
		}
		return (u + denominator*v) / numerator, nil
	}
}

// expOneRun returns how many times in a row an event of probability exp(-1) happened.
func (s *sampler) expOneRun() (uint64, error) {
	run := uint64(0)
	for {
		again, err := s.bernoulliExp(1, 1)
		if err != nil {
			return 0, err
		}
		if !again {
			return run, nil
		}
		run++
	}
}
