"""Texts to time content on: many of them, all different, from a few words and lines of our own."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

WORDS = """
the quarterly figures were discussed at length and nobody objected to the plan although some asked
whether delivery in March is likely since the supplier changed its terms twice this year please
review section four before Monday because the customer expects an answer about pricing
def handler(event): return load(event.path) for item in rows if item.count > 3 else None token
"""
PLANTED = (
    "ann.lee@example.org", "+49 30 1234567", "4111 1111 1111 1111", "DE89370400440532013000",
    "10.20.30.40", "536-90-4399", "(415) 555-0132",
)  # fmt: skip
CHAT = """
i would like to know where my order went because the tracking page has not changed since tuesday and
nobody answers your support line please tell me when it arrives or how to get my money back the
courier said it was delivered to a neighbour but we have no such neighbour thanks for your help
"""
GO = """
package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Order is what a customer has asked for.
type Order struct {
	ID       string        `json:"id"`
	Customer string        `json:"customer"`
	Lines    []Line        `json:"lines"`
	Timeout  time.Duration `json:"timeout"`
}

var errNotFound = errors.New("store: order not found")

func (s *Store) Find(ctx context.Context, id string) (*Order, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	order, ok := s.orders[id]
	if !ok {
		return nil, fmt.Errorf("find %q: %w", id, errNotFound)
	}
	return order, nil
}

func (s *Store) Put(ctx context.Context, order *Order) error {
	if len(order.Lines) == 0 {
		return errors.New("store: an order needs a line")
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case s.queue <- order:
	}
	return nil
}

func handle(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	for i := 0; i < retries; i++ {
		if err := run(ctx, r.URL.Query().Get("order")); err == nil {
			w.WriteHeader(http.StatusOK)
			return
		}
		time.Sleep(time.Duration(i*100) * time.Millisecond)
	}
	http.Error(w, "try again later", http.StatusServiceUnavailable)
}
"""
LINE = 12
"""Words of a line of prose between lines of code."""


def full(source: random.Random, position: int) -> str:
    """Return a word of prose, with a digit or a sign now and then."""
    word = source.choice(WORDS.split())
    return word + source.choice(("", "", "", ",", ".", str(position % 7)))


def chat(source: random.Random, position: int) -> str:
    """Return a word of a customer."""
    return source.choice(CHAT.split()) + source.choice(("", "", "", ",", ".", str(position % 7)))


def code(source: random.Random, _position: int) -> str:
    """Return a line of prose or of Go."""
    if source.random() < 0.5:
        return "\n" + " ".join(source.choices(WORDS.split(), k=LINE)) + ".\n"
    return source.choice(GO.splitlines()) + "\n"


KINDS: Mapping[str, tuple[Callable[[random.Random, int], str], bool]] = {
    "full": (full, True),
    "code": (code, True),
    "chat": (chat, False),
}
"""What a text is made of, and whether there is an entity in each kilobyte of it."""


def fresh(size: int, count: int, seed: int, kind: str = "full") -> list[str]:
    """Return *count* different texts of *kind*, of *size* characters."""
    source = random.Random(seed)
    make, planted = KINDS[kind]
    texts = []
    for _ in range(count):
        words: list[str] = []
        length = done = 0
        while length < size:
            if planted and length >= done * 1000:
                done += 1
                word = source.choice(PLANTED)
            else:
                word = make(source, length)
            words.append(word)
            length += len(word) + 1
        texts.append(" ".join(words)[:size])
    return texts
