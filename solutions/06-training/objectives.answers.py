# %% wrong="labels not shifted" of="causal_lm_batch" check="the token after" says="the label at a token is the token after it"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    inputs, mask = pad(sequences, pad_id)
    return inputs, inputs.masked_fill(~mask, -100)


# %% wrong="shifted twice" of="causal_lm_batch" check="the token after" says="the label at a token is the token after it"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    inputs, _ = pad(sequences, pad_id)
    labels, _ = pad([sequence[2:] + [eos_id] for sequence in sequences], -100)
    return inputs, F.pad(labels, (0, inputs.shape[1] - labels.shape[1]), value=-100)


# %% wrong="the token before" of="causal_lm_batch" check="the token after" says="the label at a token is the token after it"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    inputs, _ = pad(sequences, pad_id)
    labels, _ = pad([[eos_id] + sequence[:-1] for sequence in sequences], -100)
    return inputs, labels


# %% wrong="the end is a token of the inputs" of="causal_lm_batch" check="the token after" says="without the end token"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    inputs, _ = pad([sequence + [eos_id] for sequence in sequences], pad_id)
    labels, _ = pad([sequence[1:] + [eos_id, -100] for sequence in sequences], -100)
    return inputs, labels


# %% wrong="no end at all" of="causal_lm_batch" check="the token after" says="eos_id behind the last token"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    inputs, _ = pad(sequences, pad_id)
    labels, _ = pad([sequence[1:] + [-100] for sequence in sequences], -100)
    return inputs, labels


# %% wrong="padding counts" of="causal_lm_batch" check="the token after" says="−100 under padding"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    inputs, _ = pad(sequences, pad_id)
    labels, _ = pad([sequence[1:] + [eos_id] for sequence in sequences], pad_id)
    return inputs, labels


# %% wrong="padding counts as the end" of="causal_lm_batch" check="the token after" says="−100 under padding"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    inputs, _ = pad(sequences, pad_id)
    labels, _ = pad([sequence[1:] + [eos_id] for sequence in sequences], eos_id)
    return inputs, labels


# %% wrong="padded on the left" of="causal_lm_batch" check="the token after" says="filled up on the right"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    longest = max(map(len, sequences))
    inputs = [[pad_id] * (longest - len(s)) + s for s in sequences]
    labels = [[-100] * (longest - len(s)) + s[1:] + [eos_id] for s in sequences]
    return torch.tensor(inputs), torch.tensor(labels)


# %% wrong="appends to the caller's lists" of="causal_lm_batch" check="the token after" says="the lists were changed"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    inputs, _ = pad(sequences, pad_id)
    for sequence in sequences:
        sequence.append(eos_id)
    labels, _ = pad([sequence[1:] for sequence in sequences], -100)
    return inputs, labels


# %% wrong="labels erased by number" of="causal_lm_batch" check="a place, not a number" says="each text keeps one label 2"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    ids, _ = pad([sequence + [eos_id] for sequence in sequences], pad_id)
    labels = ids[:, 1:]
    inputs, _ = pad(sequences, pad_id)
    return inputs, labels.masked_fill(labels == pad_id, -100)


# %% wrong="labels erased where inputs have the number" of="causal_lm_batch" check="a place, not a number" says="by the length of the text"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    inputs, _ = pad(sequences, pad_id)
    labels, _ = pad([sequence[1:] + [eos_id] for sequence in sequences], -100)
    return inputs, labels.masked_fill(inputs == pad_id, -100)


# %% wrong="pad_id is always 0" of="causal_lm_batch" check="a place, not a number" says="padded with 2"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    inputs, _ = pad(sequences)
    labels, _ = pad([sequence[1:] + [eos_id] for sequence in sequences], -100)
    return inputs, labels


# %% wrong="erased where both have the number of padding" of="causal_lm_batch" check="a place, not a number" says="are tokens too"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    inputs, _ = pad(sequences, pad_id)
    labels, _ = pad([sequence[1:] + [eos_id] for sequence in sequences], pad_id)
    return inputs, labels.masked_fill((inputs == pad_id) & (labels == pad_id), -100)


# %% wrong="all but the first end are erased" of="causal_lm_batch" check="a place, not a number" says="are tokens too"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    inputs, _ = pad(sequences, pad_id)
    labels, _ = pad([sequence[1:] + [eos_id] for sequence in sequences], eos_id)
    ends = labels == eos_id
    return inputs, labels.masked_fill(ends & (ends.cumsum(1) > 1), -100)


# %% right="a loop over places" of="causal_lm_batch"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    B, T = len(sequences), max(len(s) for s in sequences)
    inputs = torch.full((B, T), pad_id)
    labels = torch.full((B, T), -100)
    for b, s in enumerate(sequences):
        for t, token in enumerate(s):
            inputs[b, t] = token
            labels[b, t] = s[t + 1] if t + 1 < len(s) else eos_id
    return inputs, labels


# %% right="pad_sequence" of="causal_lm_batch"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    from torch.nn.utils.rnn import pad_sequence

    full = [torch.tensor([*s, eos_id]) for s in sequences]
    inputs = pad_sequence([s[:-1] for s in full], batch_first=True, padding_value=pad_id)
    return inputs, pad_sequence([s[1:] for s in full], batch_first=True, padding_value=-100)


# %% right="one rectangle, and the mask" of="causal_lm_batch"
def causal_lm_batch(sequences, eos_id, pad_id=0):
    _, mask = pad(sequences)
    ids, _ = pad([s + [eos_id] for s in sequences], pad_id)
    lengths = mask.sum(1, keepdim=True)
    inputs = torch.where(mask, ids[:, :-1], pad_id)
    labels = torch.where(torch.arange(mask.shape[1]) < lengths, ids[:, 1:], -100)
    return inputs, labels


# %% wrong="labels from the masked inputs" of="masked_lm_batch" check="only what is chosen" says="labels that are not the original"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    fate = torch.rand(ids.shape, generator=generator)
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, inputs.masked_fill(~chosen, -100)


# %% wrong="special tokens are chosen too" of="masked_lm_batch" check="only what is chosen" says="special tokens chosen"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = torch.rand(ids.shape, generator=generator) < rate
    fate = torch.rand(ids.shape, generator=generator)
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="random tokens everywhere" of="masked_lm_batch" check="only what is chosen" says="changed without being chosen"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    fate = torch.rand(ids.shape, generator=generator)
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(fate >= 0.9, words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="ids changed in place" of="masked_lm_batch" check="only what is chosen" says="ids left alone"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    fate = torch.rand(ids.shape, generator=generator)
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    labels = ids.masked_fill(~chosen, -100)
    ids[chosen & (fate < 0.8)] = mask_id
    random_ones = chosen & (fate >= 0.9)
    ids[random_ones] = words[random_ones]
    return ids, labels


# %% wrong="global randomness" of="masked_lm_batch" check="only what is chosen" says="no global randomness"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape) < rate) & ~special
    fate = torch.rand(ids.shape)
    words = torch.randint(vocab_size, ids.shape)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="a new generator in each call" of="masked_lm_batch" check="only what is chosen" says="the next call differs"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    generator = torch.Generator().manual_seed(generator.initial_seed())
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    fate = torch.rand(ids.shape, generator=generator)
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="always the mask" of="masked_lm_batch" check="80, 10 and 10" says="masked, another token, unchanged"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    return ids.masked_fill(chosen, mask_id), ids.masked_fill(~chosen, -100)


# %% wrong="a tenth of the rest becomes random" of="masked_lm_batch" check="80, 10 and 10" says="masked, another token, unchanged"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    masked = chosen & (torch.rand(ids.shape, generator=generator) < 0.8)
    changed = chosen & ~masked & (torch.rand(ids.shape, generator=generator) < 0.1)
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    return torch.where(masked, mask_id, torch.where(changed, words, ids)), ids.masked_fill(~chosen, -100)


# %% wrong="one draw for both questions" of="masked_lm_batch" check="80, 10 and 10" says="masked, another token, unchanged"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    draw = torch.rand(ids.shape, generator=generator)
    chosen = (draw < rate) & ~special
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    inputs = torch.where(chosen & (draw < 0.8), mask_id, torch.where(chosen & (draw >= 0.9), words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="only masked places are asked about" of="masked_lm_batch" check="only what is chosen" says="changed without being chosen"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    fate = torch.rand(ids.shape, generator=generator)
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, ids.masked_fill(inputs != mask_id, -100)


# %% wrong="the rate is fixed" of="masked_lm_batch" check="80, 10 and 10" says="half are chosen"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < 0.15) & ~special
    fate = torch.rand(ids.shape, generator=generator)
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="the shares are of all tokens, not of the chosen" of="masked_lm_batch" check="80, 10 and 10" says="the share of chosen tokens"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    fate = torch.rand(ids.shape, generator=generator)
    chosen = (fate < 0.9) & ~special
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen, words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="one random token for all" of="masked_lm_batch" check="a draw of its own" says="any of 0 … V − 1"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    fate = torch.rand(ids.shape, generator=generator)
    word = torch.randint(vocab_size, (1,), generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), word, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="the last word of the vocabulary is never drawn" of="masked_lm_batch" check="a draw of its own" says="any of 0 … V − 1"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    fate = torch.rand(ids.shape, generator=generator)
    words = torch.randint(vocab_size - 1, ids.shape, generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="the same places in every row" of="masked_lm_batch" check="a draw of its own" says="rows chosen alike"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape[1], generator=generator) < rate) & ~special
    fate = torch.rand(ids.shape, generator=generator)
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="labels 0 where nothing is asked" of="masked_lm_batch" check="only what is chosen" says="their label is −100"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    fate = torch.rand(ids.shape, generator=generator)
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, ids.masked_fill(~chosen, 0)


# %% wrong="a fate for each row" of="masked_lm_batch" check="80, 10 and 10" says="Each token draws"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    fate = torch.rand((len(ids), 1), generator=generator)
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="a random token for each row" of="masked_lm_batch" check="a draw of its own" says="random tokens differ within rows"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    fate = torch.rand(ids.shape, generator=generator)
    words = torch.randint(vocab_size, (len(ids), 1), generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="a random token for each column" of="masked_lm_batch" check="a draw of its own" says="random tokens differ within rows"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    fate = torch.rand(ids.shape, generator=generator)
    words = torch.randint(vocab_size, ids.shape[1:], generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="as many in each row, as BERT did" of="masked_lm_batch" check="a draw of its own" says="how many in a row varies"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    draw = torch.rand(ids.shape, generator=generator).masked_fill(special, 2.0)
    chosen = draw < draw.sort(dim=1).values[:, [round(rate * ids.shape[1])]]
    fate = torch.rand(ids.shape, generator=generator)
    words = torch.randint(vocab_size, ids.shape, generator=generator)
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% wrong="a random token that is another one" of="masked_lm_batch" check="a draw of its own" says="each equally likely"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    fate = torch.rand(ids.shape, generator=generator)
    words = (ids + torch.randint(1, vocab_size, ids.shape, generator=generator)) % vocab_size
    inputs = torch.where(chosen & (fate < 0.8), mask_id, torch.where(chosen & (fate >= 0.9), words, ids))
    return inputs, ids.masked_fill(~chosen, -100)


# %% right="bernoulli, as in transformers" of="masked_lm_batch"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    inputs, labels = ids.clone(), ids.clone()
    p = torch.full(ids.shape, rate).masked_fill(special, 0.0)
    chosen = torch.bernoulli(p, generator=generator).bool()
    labels[~chosen] = -100
    masked = torch.bernoulli(torch.full(ids.shape, 0.8), generator=generator).bool() & chosen
    inputs[masked] = mask_id
    changed = torch.bernoulli(torch.full(ids.shape, 0.5), generator=generator).bool() & chosen & ~masked
    inputs[changed] = torch.randint(vocab_size, ids.shape, generator=generator)[changed]
    return inputs, labels


# %% right="draws only for the chosen" of="masked_lm_batch"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ~special
    inputs, n = ids.clone(), int(chosen.sum())
    fate = torch.rand(n, generator=generator)
    new = ids[chosen]
    new[fate < 0.8] = mask_id
    changed = fate > 0.9
    new[changed] = torch.randint(vocab_size, (int(changed.sum()),), generator=generator)
    inputs[chosen] = new
    return inputs, torch.where(chosen, ids, -100)


# %% right="integers from 0 to 9 as fate" of="masked_lm_batch"
def masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15):
    fate = torch.randint(10, ids.shape, generator=generator)
    words = torch.randint(0, vocab_size, ids.shape, generator=generator)
    chosen = torch.rand(ids.shape, generator=generator).lt(rate).logical_and(special.logical_not())
    seen = torch.where(fate == 0, words, torch.where(fate == 1, ids, mask_id))
    return torch.where(chosen, seen, ids), torch.where(chosen, ids, torch.full_like(ids, -100))


# %% wrong="every token by itself, no spans" of="noise_mask" check="as many tokens" says="15 tokens in 5 spans"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    return torch.rand(length, generator=generator) < rate


# %% wrong="the right number, but no spans" of="noise_mask" check="as many tokens" says="15 tokens in 5 spans"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    mask = torch.zeros(length).bool()
    mask[torch.randperm(length, generator=generator)[: round(length * rate)]] = True
    return mask


# %% wrong="a hidden piece comes first" of="noise_mask" check="as many tokens" says="first hidden, last hidden"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    hidden = min(max(round(length * rate), 1), length - 1)
    spans = max(round(min(hidden, length - hidden) / mean_length), 1)

    def pieces(total):
        cuts = torch.randperm(total - 1, generator=generator)[: spans - 1].sort().values + 1
        return torch.diff(cuts, prepend=torch.tensor([0]), append=torch.tensor([total]))

    lengths = torch.stack((pieces(hidden), pieces(length - hidden)), dim=1).flatten()
    return torch.tensor([True, False]).repeat(spans).repeat_interleave(lengths)


# %% wrong="True means visible" of="noise_mask" check="as many tokens" says="15 tokens in 5 spans"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    hidden = min(max(round(length * rate), 1), length - 1)
    spans = max(round(min(hidden, length - hidden) / mean_length), 1)

    def pieces(total):
        cuts = torch.randperm(total - 1, generator=generator)[: spans - 1].sort().values + 1
        return torch.diff(cuts, prepend=torch.tensor([0]), append=torch.tensor([total]))

    lengths = torch.stack((pieces(length - hidden), pieces(hidden)), dim=1).flatten()
    return torch.tensor([True, False]).repeat(spans).repeat_interleave(lengths)


# %% wrong="rounded down" of="noise_mask" check="as many tokens" says="round(76.8)"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    hidden = min(max(int(length * rate), 1), length - 1)
    spans = max(round(min(hidden, length - hidden) / mean_length), 1)

    def pieces(total):
        cuts = torch.randperm(total - 1, generator=generator)[: spans - 1].sort().values + 1
        return torch.diff(cuts, prepend=torch.tensor([0]), append=torch.tensor([total]))

    lengths = torch.stack((pieces(length - hidden), pieces(hidden)), dim=1).flatten()
    return torch.tensor([False, True]).repeat(spans).repeat_interleave(lengths)


# %% wrong="no lower limits" of="noise_mask" check="as many tokens" says="at least 1 hidden"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    hidden = round(length * rate)
    spans = max(round(min(hidden, length - hidden) / mean_length), 1)
    if hidden == 0:
        return torch.zeros(length, dtype=torch.bool)

    def pieces(total):
        cuts = torch.randperm(total - 1, generator=generator)[: spans - 1].sort().values + 1
        return torch.diff(cuts, prepend=torch.tensor([0]), append=torch.tensor([total]))

    lengths = torch.stack((pieces(length - hidden), pieces(hidden)), dim=1).flatten()
    return torch.tensor([False, True]).repeat(spans).repeat_interleave(lengths)


# %% wrong="everything may be hidden" of="noise_mask" check="as many tokens" says="at most T − 1"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    hidden = max(round(length * rate), 1)
    spans = max(round(min(hidden, length - hidden) / mean_length), 1)
    if hidden == length:
        return torch.ones(length, dtype=torch.bool)

    def pieces(total):
        cuts = torch.randperm(total - 1, generator=generator)[: spans - 1].sort().values + 1
        return torch.diff(cuts, prepend=torch.tensor([0]), append=torch.tensor([total]))

    lengths = torch.stack((pieces(length - hidden), pieces(hidden)), dim=1).flatten()
    return torch.tensor([False, True]).repeat(spans).repeat_interleave(lengths)


# %% wrong="spans are as many as hidden tokens allow, visible ones forgotten" of="noise_mask" check="as many tokens" says="raised RuntimeError"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    hidden = min(max(round(length * rate), 1), length - 1)
    spans = max(round(hidden / mean_length), 1)

    def pieces(total):
        cuts = torch.randperm(total - 1, generator=generator)[: spans - 1].sort().values + 1
        return torch.diff(cuts, prepend=torch.tensor([0]), append=torch.tensor([total]))

    lengths = torch.stack((pieces(length - hidden), pieces(hidden)), dim=1).flatten()
    return torch.tensor([False, True]).repeat(spans).repeat_interleave(lengths)


# %% wrong="spans of equal length" of="noise_mask" check="every way of cutting" says="Cut at different random gaps"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    hidden = min(max(round(length * rate), 1), length - 1)
    spans = max(round(min(hidden, length - hidden) / mean_length), 1)
    lengths = []
    for k in range(spans):
        for total in (length - hidden, hidden):
            lengths.append(total * (k + 1) // spans - total * k // spans)
    return torch.tensor([False, True]).repeat(spans).repeat_interleave(torch.tensor(lengths))


# %% wrong="pieces drawn one after the other" of="noise_mask" check="every way of cutting" says="different random gaps"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    hidden = min(max(round(length * rate), 1), length - 1)
    spans = max(round(min(hidden, length - hidden) / mean_length), 1)

    def pieces(total):
        lengths = []
        for left in range(spans - 1, 0, -1):
            lengths.append(1 + torch.randint(total - left, (), generator=generator).item())
            total -= lengths[-1]
        return torch.tensor([*lengths, total])

    lengths = torch.stack((pieces(length - hidden), pieces(hidden)), dim=1).flatten()
    return torch.tensor([False, True]).repeat(spans).repeat_interleave(lengths)


# %% wrong="only the hidden pieces are random" of="noise_mask" check="every way of cutting" says="the visible pieces are cut at random too"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    hidden = min(max(round(length * rate), 1), length - 1)
    spans = max(round(min(hidden, length - hidden) / mean_length), 1)
    cuts = torch.randperm(hidden - 1, generator=generator)[: spans - 1].sort().values + 1
    long = torch.diff(cuts, prepend=torch.tensor([0]), append=torch.tensor([hidden]))
    seen = length - hidden
    visible = torch.tensor([seen * (k + 1) // spans - seen * k // spans for k in range(spans)])
    lengths = torch.stack((visible, long), dim=1).flatten()
    return torch.tensor([False, True]).repeat(spans).repeat_interleave(lengths)


# %% wrong="global randomness" of="noise_mask" check="every way of cutting" says="no global randomness"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    hidden = min(max(round(length * rate), 1), length - 1)
    spans = max(round(min(hidden, length - hidden) / mean_length), 1)

    def pieces(total):
        cuts = torch.randperm(total - 1)[: spans - 1].sort().values + 1
        return torch.diff(cuts, prepend=torch.tensor([0]), append=torch.tensor([total]))

    lengths = torch.stack((pieces(length - hidden), pieces(hidden)), dim=1).flatten()
    return torch.tensor([False, True]).repeat(spans).repeat_interleave(lengths)


# %% wrong="gaps counted from 0" of="noise_mask" check="as many tokens" says="15 tokens in 5 spans"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    hidden = min(max(round(length * rate), 1), length - 1)
    spans = max(round(min(hidden, length - hidden) / mean_length), 1)

    def pieces(total):
        cuts = torch.randperm(total - 1, generator=generator)[: spans - 1].sort().values
        return torch.diff(cuts, prepend=torch.tensor([0]), append=torch.tensor([total]))

    lengths = torch.stack((pieces(length - hidden), pieces(hidden)), dim=1).flatten()
    return torch.tensor([False, True]).repeat(spans).repeat_interleave(lengths)


# %% wrong="hidden tokens rounded up" of="noise_mask" check="as many tokens" says="to the nearest"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    n = min(max(math.ceil(length * rate), 1), length - 1)
    s = max(1, round(min(n, length - n) / mean_length))

    def pieces(m):
        gaps = torch.randperm(m - 1, generator=generator)[: s - 1].sort().values + 1
        return torch.diff(torch.tensor([0, *gaps.tolist(), m]))

    lengths = torch.stack((pieces(length - n), pieces(n)), dim=1).flatten()
    return torch.tensor([False, True]).repeat(s).repeat_interleave(lengths)


# %% wrong="spans rounded up" of="noise_mask" check="as many tokens" says="to the nearest"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    n = min(max(round(length * rate), 1), length - 1)
    s = max(1, math.ceil(min(n, length - n) / mean_length))

    def pieces(m):
        gaps = torch.randperm(m - 1, generator=generator)[: s - 1].sort().values + 1
        return torch.diff(torch.tensor([0, *gaps.tolist(), m]))

    lengths = torch.stack((pieces(length - n), pieces(n)), dim=1).flatten()
    return torch.tensor([False, True]).repeat(s).repeat_interleave(lengths)


# %% wrong="the minimum after the division" of="noise_mask" check="as many tokens" says="the minimum inside"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    n = min(max(round(length * rate), 1), length - 1)
    s = max(1, min(round(n / mean_length), length - n))

    def pieces(m):
        gaps = torch.randperm(m - 1, generator=generator)[: s - 1].sort().values + 1
        return torch.diff(torch.tensor([0, *gaps.tolist(), m]))

    lengths = torch.stack((pieces(length - n), pieces(n)), dim=1).flatten()
    return torch.tensor([False, True]).repeat(s).repeat_interleave(lengths)


# %% wrong="the same cuts for hidden and visible" of="noise_mask" check="every way of cutting" says="separate draws for both"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    n = min(max(round(length * rate), 1), length - 1)
    s = max(1, round(min(n, length - n) / mean_length))
    seed = torch.randint(2**31, (), generator=generator).item()

    def pieces(m):
        again = torch.Generator().manual_seed(seed)
        gaps = torch.randperm(m - 1, generator=again)[: s - 1].sort().values + 1
        return torch.diff(torch.tensor([0, *gaps.tolist(), m]))

    lengths = torch.stack((pieces(length - n), pieces(n)), dim=1).flatten()
    return torch.tensor([False, True]).repeat(s).repeat_interleave(lengths)


# %% right="first tokens of pieces shuffled, as in T5's code" of="noise_mask"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    hidden = min(max(int(np.round(length * rate)), 1), length - 1)
    spans = max(int(np.round(min(hidden, length - hidden) / mean_length)), 1)

    def pieces(total):
        first = torch.arange(total - 1) < spans - 1
        first = first[torch.randperm(total - 1, generator=generator)]
        number = torch.cat((torch.tensor([False]), first)).cumsum(0)
        return torch.bincount(number, minlength=spans)

    lengths = torch.stack((pieces(length - hidden), pieces(hidden)), dim=1).flatten()
    starts = torch.zeros(length, dtype=torch.long)
    starts[lengths.cumsum(0)[:-1]] = 1
    return starts.cumsum(0) % 2 == 1


# %% right="Python's lists and a loop" of="noise_mask"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    chance = random.Random(int(torch.randint(2**31, (), generator=generator)))
    hidden = min(max(round(length * rate), 1), length - 1)
    spans = max(round(min(hidden, length - hidden) / mean_length), 1)

    def pieces(total):
        cuts = [0, *sorted(chance.sample(range(1, total), spans - 1)), total]
        return [b - a for a, b in zip(cuts, cuts[1:], strict=False)]

    mask = []
    for visible, long in zip(pieces(length - hidden), pieces(hidden), strict=True):
        mask += [False] * visible + [True] * long
    return torch.tensor(mask)


# %% right="the smallest random numbers as cuts" of="noise_mask"
def noise_mask(length, generator, rate=0.15, mean_length=3.0):
    hidden = max(1, min(round(length * rate), length - 1))
    spans = max(1, round(min(hidden, length - hidden) / mean_length))
    mask, place = torch.zeros(length, dtype=torch.bool), 0
    ends = []
    for total in (length - hidden, hidden):
        keys = torch.rand(total - 1, generator=generator).argsort()[: spans - 1]
        ends.append([*(keys.sort().values + 1).tolist(), total])
    before = [0, 0]
    for visible, long in zip(*ends, strict=True):
        place += visible - before[0]
        mask[place : place + long - before[1]] = True
        place += long - before[1]
        before = [visible, long]
    return mask


# %% wrong="a sentinel for every token" of="span_corruption" check="a sentinel for each span" says="one sentinel for a span of any length"
def span_corruption(ids, hidden, first_sentinel):
    sentinels = first_sentinel + 1 - hidden.cumsum(0)
    targets = torch.stack((sentinels, ids), 1)[hidden].flatten()
    return torch.where(hidden, sentinels, ids), torch.cat((targets, first_sentinel - hidden.sum().view(1)))


# %% wrong="sentinels count upwards" of="span_corruption" check="a sentinel for each span" says="98 for the second"
def span_corruption(ids, hidden, first_sentinel):
    start = hidden & ~torch.cat((hidden.new_zeros(1), hidden[:-1]))
    sentinels = first_sentinel - 1 + start.cumsum(0)
    inputs = torch.where(start, sentinels, ids)[~hidden | start]
    targets = torch.stack((sentinels, ids), 1)[torch.stack((start, hidden), 1)]
    return inputs, torch.cat((targets, first_sentinel + start.sum().view(1)))


# %% wrong="the same sentinel everywhere" of="span_corruption" check="a sentinel for each span" says="98 for the second"
def span_corruption(ids, hidden, first_sentinel):
    inputs, targets, before = [], [], False
    for token, cut in zip(ids.tolist(), hidden.tolist(), strict=True):
        if cut and not before:
            inputs.append(first_sentinel)
            targets.append(first_sentinel)
        (targets if cut else inputs).append(token)
        before = cut
    return torch.tensor(inputs), torch.tensor([*targets, first_sentinel])


# %% wrong="no sentinel in the inputs" of="span_corruption" check="a sentinel for each span" says="one sentinel for a span"
def span_corruption(ids, hidden, first_sentinel):
    start = hidden & ~torch.cat((hidden.new_zeros(1), hidden[:-1]))
    sentinels = first_sentinel + 1 - start.cumsum(0)
    targets = torch.stack((sentinels, ids), 1)[torch.stack((start, hidden), 1)]
    return ids[~hidden], torch.cat((targets, first_sentinel - start.sum().view(1)))


# %% wrong="no last sentinel" of="span_corruption" check="a sentinel for each span" says="one more sentinel at the end"
def span_corruption(ids, hidden, first_sentinel):
    start = hidden & ~torch.cat((hidden.new_zeros(1), hidden[:-1]))
    sentinels = first_sentinel + 1 - start.cumsum(0)
    inputs = torch.where(start, sentinels, ids)[~hidden | start]
    return inputs, torch.stack((sentinels, ids), 1)[torch.stack((start, hidden), 1)]


# %% wrong="the target is the whole text, as BART's" of="span_corruption" check="a sentinel for each span" says="sentinel, its tokens"
def span_corruption(ids, hidden, first_sentinel):
    start = hidden & ~torch.cat((hidden.new_zeros(1), hidden[:-1]))
    sentinels = first_sentinel + 1 - start.cumsum(0)
    return torch.where(start, sentinels, ids)[~hidden | start], ids.clone()


# %% wrong="no sentinels in the target" of="span_corruption" check="a sentinel for each span" says="sentinel, its tokens"
def span_corruption(ids, hidden, first_sentinel):
    start = hidden & ~torch.cat((hidden.new_zeros(1), hidden[:-1]))
    sentinels = first_sentinel + 1 - start.cumsum(0)
    return torch.where(start, sentinels, ids)[~hidden | start], ids[hidden]


# %% wrong="goes by the values of the hidden tokens" of="span_corruption" check="a sentinel for each span" says="equal tokens"
def span_corruption(ids, hidden, first_sentinel):
    cut = torch.isin(ids, ids[hidden])
    start = cut & ~torch.cat((cut.new_zeros(1), cut[:-1]))
    sentinels = first_sentinel + 1 - start.cumsum(0)
    inputs = torch.where(start, sentinels, ids)[~cut | start]
    targets = torch.stack((sentinels, ids), 1)[torch.stack((start, cut), 1)]
    return inputs, torch.cat((targets, first_sentinel - start.sum().view(1)))


# %% wrong="True means visible" of="span_corruption" check="a sentinel for each span" says="one sentinel for a span"
def span_corruption(ids, hidden, first_sentinel):
    hidden = ~hidden
    start = hidden & ~torch.cat((hidden.new_zeros(1), hidden[:-1]))
    sentinels = first_sentinel + 1 - start.cumsum(0)
    inputs = torch.where(start, sentinels, ids)[~hidden | start]
    targets = torch.stack((sentinels, ids), 1)[torch.stack((start, hidden), 1)]
    return inputs, torch.cat((targets, first_sentinel - start.sum().view(1)))


# %% wrong="the first token's neighbour is the last" of="span_corruption" check="at the edges" says="a span may begin or end the text"
def span_corruption(ids, hidden, first_sentinel):
    start = hidden & ~hidden.roll(1)
    sentinels = first_sentinel + 1 - start.cumsum(0)
    inputs = torch.where(start, sentinels, ids)[~hidden | start]
    targets = torch.stack((sentinels, ids), 1)[torch.stack((start, hidden), 1)]
    return inputs, torch.cat((targets, first_sentinel - start.sum().view(1)))


# %% wrong="a span that begins the text is missed" of="span_corruption" check="at the edges" says="a span may begin or end the text"
def span_corruption(ids, hidden, first_sentinel):
    start = torch.cat((hidden.new_zeros(1), hidden[1:] & ~hidden[:-1]))
    sentinels = first_sentinel + 1 - start.cumsum(0)
    inputs = torch.where(start, sentinels, ids)[~hidden | start]
    targets = torch.stack((sentinels, ids), 1)[torch.stack((start, hidden), 1)]
    return inputs, torch.cat((targets, first_sentinel - start.sum().view(1)))


# %% wrong="no last sentinel where nothing is hidden" of="span_corruption" check="at the edges" says="the target is one sentinel"
def span_corruption(ids, hidden, first_sentinel):
    if not hidden.any():
        return ids, ids[:0]
    start = hidden & ~torch.cat((hidden.new_zeros(1), hidden[:-1]))
    sentinels = first_sentinel + 1 - start.cumsum(0)
    inputs = torch.where(start, sentinels, ids)[~hidden | start]
    targets = torch.stack((sentinels, ids), 1)[torch.stack((start, hidden), 1)]
    return inputs, torch.cat((targets, first_sentinel - start.sum().view(1)))


# %% right="a loop with a counter" of="span_corruption"
def span_corruption(ids, hidden, first_sentinel):
    inputs, targets, before, number = [], [], False, 0
    for token, cut in zip(ids.tolist(), hidden.tolist(), strict=True):
        if cut and not before:
            inputs.append(first_sentinel - number)
            targets.append(first_sentinel - number)
            number += 1
        (targets if cut else inputs).append(token)
        before = cut
    return torch.tensor(inputs), torch.tensor([*targets, first_sentinel - number])


# %% right="groups of neighbours" of="span_corruption"
def span_corruption(ids, hidden, first_sentinel):
    from itertools import groupby

    inputs, targets, sentinel = [], [], first_sentinel
    for cut, group in groupby(range(len(ids)), key=lambda i: bool(hidden[i])):
        tokens = [int(ids[i]) for i in group]
        if cut:
            inputs.append(sentinel)
            targets += [sentinel, *tokens]
            sentinel -= 1
        else:
            inputs += tokens
    return torch.tensor(inputs), torch.tensor(targets + [sentinel])


# %% right="places of starts by nonzero" of="span_corruption"
def span_corruption(ids, hidden, first_sentinel):
    padded = F.pad(hidden.long(), (1, 1))
    starts = (padded.diff() == 1).nonzero()[:, 0].tolist()
    ends = (padded.diff() == -1).nonzero()[:, 0].tolist()
    inputs, targets, place = [], [], 0
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        sentinel = torch.tensor([first_sentinel - number])
        inputs += [ids[place:start], sentinel]
        targets += [sentinel, ids[start:end]]
        place = end
    return torch.cat([*inputs, ids[place:]]), torch.cat([*targets, torch.tensor([first_sentinel - len(starts)])])


# %% wrong="dot products instead of cosines" of="info_nce" check="cross-entropy of picking" says="unit vectors"
def info_nce(queries, keys, temperature=0.07):
    return F.cross_entropy(queries @ keys.T / temperature, torch.arange(len(queries)))


# %% wrong="only the queries are unit vectors" of="info_nce" check="cross-entropy of picking" says="unit vectors"
def info_nce(queries, keys, temperature=0.07):
    return F.cross_entropy(F.normalize(queries, dim=-1) @ keys.T / temperature, torch.arange(len(queries)))


# %% wrong="normalised over the batch" of="info_nce" check="cross-entropy of picking" says="unit vectors"
def info_nce(queries, keys, temperature=0.07):
    scores = F.normalize(queries, dim=0) @ F.normalize(keys, dim=0).T / temperature
    return F.cross_entropy(scores, torch.arange(len(queries)))


# %% wrong="times the temperature" of="info_nce" check="cross-entropy of picking" says="all cosines over τ"
def info_nce(queries, keys, temperature=0.07):
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).T * temperature
    return F.cross_entropy(scores, torch.arange(len(queries)))


# %% wrong="the softmax over the queries" of="info_nce" check="cross-entropy of picking" says="softmax over the keys"
def info_nce(queries, keys, temperature=0.07):
    scores = F.normalize(keys, dim=-1) @ F.normalize(queries, dim=-1).T / temperature
    return F.cross_entropy(scores, torch.arange(len(keys)) % len(queries))


# %% wrong="the right key is not a candidate" of="info_nce" check="cross-entropy of picking" says="softmax over the keys"
def info_nce(queries, keys, temperature=0.07):
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).T / temperature
    own = torch.eye(*scores.shape, dtype=torch.bool)
    return (scores.masked_fill(own, -1e9).logsumexp(1) - scores.diagonal()).mean()


# %% wrong="the sum over the queries" of="info_nce" check="cross-entropy of picking" says="mean"
def info_nce(queries, keys, temperature=0.07):
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).T / temperature
    return F.cross_entropy(scores, torch.arange(len(queries)), reduction="sum")


# %% wrong="a loss for each query" of="info_nce" check="cross-entropy of picking" says="the mean over the queries"
def info_nce(queries, keys, temperature=0.07):
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).T / temperature
    return F.cross_entropy(scores, torch.arange(len(queries)), reduction="none")


# %% wrong="another default" of="info_nce" check="cross-entropy of picking" says="the default temperature"
def info_nce(queries, keys, temperature=0.1):
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).T / temperature
    return F.cross_entropy(scores, torch.arange(len(queries)))


# %% wrong="extra keys are cut off" of="info_nce" check="cross-entropy of picking" says="the extra keys are candidates"
def info_nce(queries, keys, temperature=0.07):
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys[: len(queries)], dim=-1).T / temperature
    return F.cross_entropy(scores, torch.arange(len(queries)))


# %% wrong="normalises in place" of="info_nce" check="cross-entropy of picking" says="changed in place"
def info_nce(queries, keys, temperature=0.07):
    with torch.no_grad():
        queries /= queries.norm(dim=-1, keepdim=True)
    scores = queries @ F.normalize(keys, dim=-1).T / temperature
    return F.cross_entropy(scores, torch.arange(len(queries)))


# %% wrong="exponentials and a quotient" of="info_nce" check="small temperatures" says="whose exponentials overflow"
def info_nce(queries, keys, temperature=0.07):
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).T / temperature
    exponentials = torch.exp(scores)
    return -torch.log(exponentials.diagonal() / exponentials.sum(1)).mean()


# %% wrong="the logarithm of a softmax, with a small number added" of="info_nce" check="small temperatures" says="the loss is large"
def info_nce(queries, keys, temperature=0.07):
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).T / temperature
    return -torch.log(torch.softmax(scores, dim=1).diagonal() + 1e-9).mean()


# %% wrong="the keys are detached" of="info_nce" check="small temperatures" says="the gradient of the keys"
def info_nce(queries, keys, temperature=0.07):
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).detach().T / temperature
    return F.cross_entropy(scores, torch.arange(len(queries)))


# %% wrong="the temperature as a float" of="info_nce" check="small temperatures" says="a tensor temperature gets a gradient"
def info_nce(queries, keys, temperature=0.07):
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).T / float(temperature)
    return F.cross_entropy(scores, torch.arange(len(queries)))


# %% wrong="the lengths are taken as constants" of="info_nce" check="small temperatures" says="through the cosine"
def info_nce(queries, keys, temperature=0.07):
    a = queries / queries.norm(dim=-1, keepdim=True).detach()
    b = keys / keys.norm(dim=-1, keepdim=True).detach()
    return F.cross_entropy(a @ b.T / temperature, torch.arange(len(queries)))


# %% right="log_softmax and the diagonal" of="info_nce"
def info_nce(queries, keys, temperature=0.07):
    a = queries / queries.norm(dim=-1, keepdim=True)
    b = keys / keys.norm(dim=-1, keepdim=True)
    return -torch.log_softmax(a @ b.T / temperature, dim=1).diagonal().mean()


# %% right="cosine_similarity, all with all" of="info_nce"
def info_nce(queries, keys, temperature=0.07):
    scores = F.cosine_similarity(queries[:, None], keys[None], dim=-1) / temperature
    return F.cross_entropy(scores, torch.arange(len(queries), device=scores.device))


# %% right="a loop over the queries" of="info_nce"
def info_nce(queries, keys, temperature=0.07):
    losses = []
    for i, query in enumerate(queries):
        scores = torch.stack([F.cosine_similarity(query, key, dim=0) for key in keys]) / temperature
        losses.append(torch.logsumexp(scores, 0) - scores[i])
    return torch.stack(losses).mean()


# %% wrong="one direction only" of="clip_loss" check="both directions" says="half of each"
def clip_loss(images, texts, logit_scale):
    return info_nce(images, texts, torch.exp(-logit_scale.clamp(max=math.log(100))))


# %% wrong="the sum of the directions" of="clip_loss" check="both directions" says="half of each"
def clip_loss(images, texts, logit_scale):
    t = torch.exp(-logit_scale.clamp(max=math.log(100)))
    return info_nce(images, texts, t) + info_nce(texts, images, t)


# %% wrong="the same direction twice" of="clip_loss" check="both directions" says="half of each"
def clip_loss(images, texts, logit_scale):
    t = torch.exp(-logit_scale.clamp(max=math.log(100)))
    return (info_nce(images, texts, t) + info_nce(images, texts, t)) / 2


# %% wrong="logit_scale is taken for the scale" of="clip_loss" check="both directions" says="cosines times e^ℓ"
def clip_loss(images, texts, logit_scale):
    scores = logit_scale.clamp(max=100) * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T
    labels = torch.arange(len(images))
    return (F.cross_entropy(scores, labels) + F.cross_entropy(scores.T, labels)) / 2


# %% wrong="the scale is taken for the temperature" of="clip_loss" check="both directions" says="cosines times e^ℓ"
def clip_loss(images, texts, logit_scale):
    t = torch.exp(logit_scale.clamp(max=math.log(100)))
    return (info_nce(images, texts, t) + info_nce(texts, images, t)) / 2


# %% wrong="no unit vectors" of="clip_loss" check="both directions" says="cosines times e^ℓ"
def clip_loss(images, texts, logit_scale):
    scores = logit_scale.clamp(max=math.log(100)).exp() * images @ texts.T
    labels = torch.arange(len(images))
    return (F.cross_entropy(scores, labels) + F.cross_entropy(scores.T, labels)) / 2


# %% wrong="the scale does not learn" of="clip_loss" check="a scale that learns" says="the gradient of logit_scale"
def clip_loss(images, texts, logit_scale):
    t = math.exp(-min(logit_scale.item(), math.log(100)))
    return (info_nce(images, texts, t) + info_nce(texts, images, t)) / 2 + 0 * logit_scale


# %% wrong="no limit" of="clip_loss" check="a scale that learns" says="the scale is at most 100"
def clip_loss(images, texts, logit_scale):
    t = torch.exp(-logit_scale)
    return (info_nce(images, texts, t) + info_nce(texts, images, t)) / 2


# %% wrong="the logarithm is limited to 100" of="clip_loss" check="a scale that learns" says="the scale is at most 100"
def clip_loss(images, texts, logit_scale):
    t = torch.exp(-logit_scale.clamp(max=100))
    return (info_nce(images, texts, t) + info_nce(texts, images, t)) / 2


# %% wrong="limited after exp" of="clip_loss" check="a scale that learns" says="Limit ℓ before exp"
def clip_loss(images, texts, logit_scale):
    scores = logit_scale.exp().clamp(max=100) * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T
    labels = torch.arange(len(images))
    return (F.cross_entropy(scores, labels) + F.cross_entropy(scores.T, labels)) / 2


# %% wrong="limited to ln 100 as a scale" of="clip_loss" check="a scale that learns" says="the limit is 100 for the scale"
def clip_loss(images, texts, logit_scale):
    scale = logit_scale.clamp(max=20).exp().clamp(max=math.log(100))
    scores = scale * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T
    labels = torch.arange(len(images))
    return (F.cross_entropy(scores, labels) + F.cross_entropy(scores.T, labels)) / 2


# %% wrong="a lower limit of 1" of="clip_loss" check="a scale that learns" says="no lower limit"
def clip_loss(images, texts, logit_scale):
    t = torch.exp(-logit_scale.clamp(0, math.log(100)))
    return (info_nce(images, texts, t) + info_nce(texts, images, t)) / 2


# %% wrong="the texts are detached" of="clip_loss" check="a scale that learns" says="the gradient of the texts"
def clip_loss(images, texts, logit_scale):
    t = torch.exp(-logit_scale.clamp(max=math.log(100)))
    return (info_nce(images, texts.detach(), t) + info_nce(texts.detach(), images, t)) / 2


# %% wrong="limits the parameter itself" of="clip_loss" check="a scale that learns" says="logit_scale was changed"
def clip_loss(images, texts, logit_scale):
    logit_scale.data.clamp_(max=math.log(100))
    return (info_nce(images, texts, torch.exp(-logit_scale)) + info_nce(texts, images, torch.exp(-logit_scale))) / 2


# %% wrong="limited at both ends" of="clip_loss" check="a scale that learns" says="no lower limit"
def clip_loss(images, texts, logit_scale):
    t = torch.exp(-logit_scale.clamp(-math.log(100), math.log(100)))
    return (info_nce(images, texts, t) + info_nce(texts, images, t)) / 2


# %% wrong="a vector of one loss" of="clip_loss" check="both directions" says="one number"
def clip_loss(images, texts, logit_scale):
    t = torch.exp(-logit_scale.clamp(max=math.log(100)))
    return (info_nce(images, texts, t) + info_nce(texts, images, t)).reshape(1) / 2


# %% right="one table, rows and columns" of="clip_loss"
def clip_loss(images, texts, logit_scale):
    scale = logit_scale.clamp(max=math.log(100)).exp()
    scores = scale * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T
    labels = torch.arange(len(images), device=images.device)
    return (F.cross_entropy(scores, labels) + F.cross_entropy(scores.T, labels)) / 2


# %% right="log_softmax along both axes" of="clip_loss"
def clip_loss(images, texts, logit_scale):
    scale = torch.exp(torch.clamp(logit_scale, max=math.log(100.0)))
    a, b = images / images.norm(dim=1, keepdim=True), texts / texts.norm(dim=1, keepdim=True)
    scores = torch.einsum("nd,md->nm", a, b) * scale
    return -(scores.log_softmax(0).diagonal() + scores.log_softmax(1).diagonal()).mean() / 2


# %% right="minimum instead of clamp" of="clip_loss"
def clip_loss(images, texts, logit_scale):
    limit = torch.full_like(logit_scale, math.log(100))
    t = 1 / torch.exp(torch.minimum(logit_scale, limit))
    return torch.stack((info_nce(images, texts, t), info_nce(texts, images, t))).mean()


# %% wrong="columns instead of rows" of="recall_at_k" check="the share whose own" says="rows are queries"
def recall_at_k(similarities, k):
    own = similarities.diagonal()
    rank = (similarities[:, : len(own)] >= own).sum(dim=0)
    return (rank <= k).float().mean().item()


# %% wrong="the smallest first" of="recall_at_k" check="the share whose own" says="only the first query"
def recall_at_k(similarities, k):
    own = similarities.diagonal().unsqueeze(1)
    return ((similarities <= own).sum(dim=1) <= k).float().mean().item()


# %% wrong="fewer than k, the own key counted" of="recall_at_k" check="the share whose own" says="only the first query"
def recall_at_k(similarities, k):
    own = similarities.diagonal().unsqueeze(1)
    return ((similarities >= own).sum(dim=1) < k).float().mean().item()


# %% wrong="one too many" of="recall_at_k" check="the share whose own" says="only the first query"
def recall_at_k(similarities, k):
    own = similarities.diagonal().unsqueeze(1)
    return ((similarities > own).sum(dim=1) <= k).float().mean().item()


# %% wrong="the count instead of the share" of="recall_at_k" check="the share whose own" says="only the first query"
def recall_at_k(similarities, k):
    own = similarities.diagonal().unsqueeze(1)
    return ((similarities >= own).sum(dim=1) <= k).sum().item()


# %% wrong="always the best one" of="recall_at_k" check="the share whose own" says="count in each row"
def recall_at_k(similarities, k):
    return (similarities.argmax(dim=1) == torch.arange(len(similarities))).float().mean().item()


# %% wrong="divided by the keys" of="recall_at_k" check="the share whose own" says="only the first query"
def recall_at_k(similarities, k):
    own = similarities.diagonal().unsqueeze(1)
    return ((similarities >= own).sum(dim=1) <= k).sum().item() / similarities.shape[1]


# %% wrong="ties count for it" of="recall_at_k" check="ties count against" says="nobody is found"
def recall_at_k(similarities, k):
    own = similarities.diagonal().unsqueeze(1)
    return ((similarities > own).sum(dim=1) < k).float().mean().item()


# %% wrong="topk, which breaks ties somehow" of="recall_at_k" check="ties count against" says="counts as before"
def recall_at_k(similarities, k):
    best = similarities.argsort(dim=1, descending=True, stable=True)[:, :k]
    own = torch.arange(len(similarities)).unsqueeze(1)
    return (best == own).any(dim=1).float().mean().item()


# %% wrong="a tie is as bad as not found" of="recall_at_k" check="ties count against" says="fewer than k others"
def recall_at_k(similarities, k):
    own = similarities.diagonal().unsqueeze(1)
    tied = (similarities == own).sum(dim=1) > 1
    return (((similarities >= own).sum(dim=1) <= k) & ~tied).float().mean().item()


# %% wrong="wipes the diagonal of the caller's table" of="recall_at_k" check="the share whose own" says="changed in place"
def recall_at_k(similarities, k):
    own = similarities.diagonal().clone().unsqueeze(1)
    similarities.fill_diagonal_(-math.inf)
    return ((similarities >= own).sum(dim=1) < k).float().mean().item()


# %% right="a loop over the rows" of="recall_at_k"
def recall_at_k(similarities, k):
    found = 0
    for i, row in enumerate(similarities.tolist()):
        found += sum(value >= row[i] for j, value in enumerate(row) if j != i) < k
    return found / len(similarities)


# %% right="the rank by sorting" of="recall_at_k"
def recall_at_k(similarities, k):
    order = similarities.sort(dim=1, descending=True).values
    own = similarities.diagonal()
    if k == similarities.shape[1]:
        return 1.0
    return (own > order[:, k]).float().mean()


# %% right="one after the other, in NumPy" of="recall_at_k"
def recall_at_k(similarities, k):
    table = similarities.numpy()
    own = np.diagonal(table)[:, None]
    return float(np.mean((table >= own).sum(1) - 1 < k))


# %% equivalent="b98f897d" of="masked_lm_batch" because="two independent draws of the same kind, whichever is called which"


# %% survivor="e948e48b" of="masked_lm_batch" because="all inputs of the checks are on the CPU; the test with a GPU in tests/ catches it"


# %% survivor="0f619443" of="masked_lm_batch" because="all inputs of the checks are on the CPU; the test with a GPU in tests/ catches it"


# %% survivor="9db63fde" of="masked_lm_batch" because="all inputs of the checks are on the CPU; the test with a GPU in tests/ catches it"


# %% survivor="0d2a7985" of="masked_lm_batch" because="all inputs of the checks are on the CPU; the test with a GPU in tests/ catches it"


# %% equivalent="ac49bb7e" of="masked_lm_batch" because="by the statement special has the shape of ids"


# %% equivalent="119ced86" of="masked_lm_batch" because="by the statement special has the shape of ids"


# %% equivalent="237e5296" of="masked_lm_batch" because="by the statement special is on the device of ids"


# %% equivalent="32ebd37e" of="masked_lm_batch" because="by the statement special is on the device of ids"


# %% equivalent="57e77bf7" of="masked_lm_batch" because="a draw that equals the bound exactly happens once in millions, and the statement does not decide it"


# %% equivalent="4a09d553" of="masked_lm_batch" because="a draw that equals the bound exactly happens once in millions, and the statement does not decide it"


# %% equivalent="81cbc2e2" of="masked_lm_batch" because="a draw that equals the bound exactly happens once in millions, and the statement does not decide it"


# %% equivalent="a48660b2" of="span_corruption" because="of a vector axis 0 is the last one"


# %% equivalent="0e5a584e" of="info_nce" because="of a matrix axis 1 is the last one, and the default of F.normalize"


# %% equivalent="06fe0298" of="info_nce" because="of a matrix axis 1 is the last one, and the default of F.normalize"


# %% equivalent="a9e23a7e" of="info_nce" because="of a matrix axis 1 is the last one, and the default of F.normalize"


# %% equivalent="b51dda59" of="info_nce" because="of a matrix axis 1 is the last one, and the default of F.normalize"


# %% equivalent="e6334c78" of="info_nce" because="a scalar transposed is the same scalar"


# %% survivor="ead69f3f" of="info_nce" because="all inputs of the checks are on the CPU; the test with a GPU in tests/ catches it"


# %% equivalent="10d2fd24" of="info_nce" because="queries and keys are on one device, or their product would not exist"


# %% equivalent="0edc1077" of="clip_loss" because="a scalar transposed is the same scalar"


# %% equivalent="041bef29" of="recall_at_k" because="by the statement a tensor of one number may be returned"
