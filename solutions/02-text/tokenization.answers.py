# %% wrong="a token used twice" of="merge_pair" check="no token is used twice" says="three a hold the pair once"
def merge_pair(tokens, pair):
    merged = []
    for i, token in enumerate(tokens):
        if tuple(tokens[i : i + 2]) == pair:
            merged.append(pair[0] + pair[1])
        elif i == 0 or tuple(tokens[i - 1 : i + 1]) != pair:
            merged.append(token)
    return merged


# %% wrong="the second token stays" of="merge_pair" check="every occurrence" says="l and o stand side by side"
def merge_pair(tokens, pair):
    return [a + b if (a, b) == pair else a for a, b in zip(tokens, [*tokens[1:], b""], strict=True)]


# %% wrong="the last token lost" of="merge_pair" check="no token is used twice" says="keep what is left over"
def merge_pair(tokens, pair):
    merged, i = [], 0
    while i < len(tokens) - 1:
        if (tokens[i], tokens[i + 1]) == pair:
            merged.append(tokens[i] + tokens[i + 1])
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


# %% wrong="only the first occurrence" of="merge_pair" check="every occurrence" says="twice: glue both"
def merge_pair(tokens, pair):
    for i in range(len(tokens) - 1):
        if (tokens[i], tokens[i + 1]) == pair:
            return tokens[:i] + [pair[0] + pair[1]] + tokens[i + 2 :]
    return list(tokens)


# %% wrong="a list compared with a tuple" of="merge_pair" check="every occurrence" says="expected 4 items, got 6"
def merge_pair(tokens, pair):
    merged, i = [], 0
    while i < len(tokens):
        if tokens[i : i + 2] == pair:
            merged.append(pair[0] + pair[1])
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


# %% wrong="changed in place" of="merge_pair" check="every occurrence" says="build a new list"
def merge_pair(tokens, pair):
    i = 0
    while i < len(tokens) - 1:
        if (tokens[i], tokens[i + 1]) == pair:
            tokens[i : i + 2] = [pair[0] + pair[1]]
        i += 1
    return tokens


# %% wrong="past the end" of="merge_pair" check="every occurrence" says="IndexError"
def merge_pair(tokens, pair):
    merged, i = [], 0
    while i < len(tokens):
        if (tokens[i], tokens[i + 1]) == pair:
            merged.append(tokens[i] + tokens[i + 1])
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


# %% wrong="either order" of="merge_pair" check="every occurrence" says="not o followed by l"
def merge_pair(tokens, pair):
    merged, i = [], 0
    while i < len(tokens):
        if sorted(tokens[i : i + 2]) == sorted(pair):
            merged.append(tokens[i] + tokens[i + 1])
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


# %% right="on a copy, in place" of="merge_pair"
def merge_pair(tokens, pair):
    tokens, i = list(tokens), 0
    while i < len(tokens) - 1:
        if (tokens[i], tokens[i + 1]) == pair:
            tokens[i : i + 2] = [b"".join(pair)]
        i += 1
    return tokens


# %% right="with an iterator and what was seen last" of="merge_pair"
def merge_pair(tokens, pair):
    merged, free = [], False
    for token in tokens:
        if free and (merged[-1], token) == pair:
            merged[-1] += token
            free = False
        else:
            merged.append(token)
            free = True
    return merged


# %% right="recursively" of="merge_pair"
def merge_pair(tokens, pair):
    if len(tokens) < 2:
        return tokens[:]
    if (tokens[0], tokens[1]) == pair:
        return [tokens[0] + tokens[1], *merge_pair(tokens[2:], pair)]
    return [tokens[0], *merge_pair(tokens[1:], pair)]


# %% wrong="all words made anew" of="apply_merge" check="a fresh count" says="only the chunks in places[pair] are changed"
def apply_merge(pair, words, frequencies, counts, places):
    words[:] = [merge_pair(tokens, pair) for tokens in words]
    counts.clear()
    places.clear()
    for i, tokens in enumerate(words):
        for found in pairwise(tokens):
            counts[found] += frequencies[i]
            places[found].add(i)


# %% wrong="words not put back" of="apply_merge" check="the words hold" says="put the merged list back"
def apply_merge(pair, words, frequencies, counts, places):
    for i in places.pop(pair):
        before, after = words[i], merge_pair(words[i], pair)
        for old in pairwise(before):
            counts[old] -= frequencies[i]
            if counts[old] == 0:
                del counts[old]
        for new in pairwise(after):
            counts[new] += frequencies[i]
            places[new].add(i)


# %% wrong="frequencies ignored" of="apply_merge" check="a fresh count" says="with frequency 10 and in one with 3"
def apply_merge(pair, words, frequencies, counts, places):
    for i in places.pop(pair):
        before, words[i] = words[i], merge_pair(words[i], pair)
        for old in pairwise(before):
            counts[old] -= 1
            if counts[old] == 0:
                del counts[old]
        for new in pairwise(words[i]):
            counts[new] += 1
            places[new].add(i)


# %% wrong="old neighbours kept" of="apply_merge" check="a fresh count" says="left only in the chunk p, u, n"
def apply_merge(pair, words, frequencies, counts, places):
    del counts[pair]
    for i in places.pop(pair):
        words[i] = merge_pair(words[i], pair)
        for new in pairwise(words[i]):
            if pair[0] + pair[1] in new:
                counts[new] += frequencies[i]
                places[new].add(i)


# %% wrong="zeros kept" of="apply_merge" check="a fresh count" says="drop those whose count is now 0"
def apply_merge(pair, words, frequencies, counts, places):
    for i in places.pop(pair):
        before, words[i] = words[i], merge_pair(words[i], pair)
        for old in pairwise(before):
            counts[old] -= frequencies[i]
        for new in pairwise(words[i]):
            counts[new] += frequencies[i]
            places[new].add(i)


# %% wrong="places of new pairs forgotten" of="apply_merge" check="in their turn" says="under each new pair in places"
def apply_merge(pair, words, frequencies, counts, places):
    for i in places.pop(pair):
        before, words[i] = words[i], merge_pair(words[i], pair)
        for old in pairwise(before):
            counts[old] -= frequencies[i]
            if counts[old] == 0:
                del counts[old]
        for new in pairwise(words[i]):
            counts[new] += frequencies[i]


# %% wrong="each pair of a chunk once" of="apply_merge" check="a fresh count" says="every occurrence counts"
def apply_merge(pair, words, frequencies, counts, places):
    for i in places.pop(pair):
        before, words[i] = words[i], merge_pair(words[i], pair)
        for old in set(pairwise(before)):
            counts[old] -= frequencies[i]
            if counts[old] == 0:
                del counts[old]
        for new in set(pairwise(words[i])):
            counts[new] += frequencies[i]
            places[new].add(i)


# %% wrong="everything counted again" of="apply_merge" check="a fresh count" says="may not call count_pairs"
def apply_merge(pair, words, frequencies, counts, places):
    words[:] = [merge_pair(tokens, pair) for tokens in words]
    fresh, where = count_pairs(words, frequencies)
    counts.clear()
    counts.update(fresh)
    places.clear()
    places.update(where)


# %% right="only what changed, by the difference of two counters" of="apply_merge"
def apply_merge(pair, words, frequencies, counts, places):
    for i in list(places[pair]):
        after = merge_pair(words[i], pair)
        change = Counter(pairwise(after))
        change.subtract(Counter(pairwise(words[i])))
        words[i] = after
        for p, times in change.items():
            counts[p] += times * frequencies[i]
            if not counts[p]:
                del counts[p]
            if times > 0:
                places[p].add(i)


# %% right="zeros dropped at the end, places kept exact" of="apply_merge"
def apply_merge(pair, words, frequencies, counts, places):
    touched = set()
    for i in sorted(places.pop(pair)):
        for old in pairwise(words[i]):
            counts[old] -= frequencies[i]
            places[old].discard(i)
            touched.add(old)
        words[i] = merge_pair(words[i], pair)
        for new in pairwise(words[i]):
            counts[new] += frequencies[i]
            places[new].add(i)
    for p in touched:
        if counts[p] == 0:
            del counts[p]


# %% wrong="each chunk counted once" of="train_bpe" check="most frequent pair first" says="as often as it stands"
def train_bpe(text, num_merges):
    words = [[bytes([b]) for b in chunk.encode()] for chunk in set(GPT2_SPLIT.findall(text))]
    frequencies = [1] * len(words)
    counts, places = count_pairs(words, frequencies)
    ranks = {bytes([b]): b for b in range(256)}
    while counts and len(ranks) < 256 + num_merges:
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        ranks[best[0] + best[1]] = len(ranks)
        apply_merge(best, words, frequencies, counts, places)
    return ranks


# %% wrong="the first seen wins a tie" of="train_bpe" check="ties go to" says="the pair that sorts first wins"
def train_bpe(text, num_merges):
    chunks = Counter(GPT2_SPLIT.findall(text))
    words = [[bytes([b]) for b in chunk.encode()] for chunk in chunks]
    frequencies = list(chunks.values())
    counts, places = count_pairs(words, frequencies)
    ranks = {bytes([b]): b for b in range(256)}
    while counts and len(ranks) < 256 + num_merges:
        best = max(counts, key=counts.get)
        ranks[best[0] + best[1]] = len(ranks)
        apply_merge(best, words, frequencies, counts, places)
    return ranks


# %% wrong="the last in order wins a tie" of="train_bpe" check="ties go to" says="a space sorts before letters"
def train_bpe(text, num_merges):
    chunks = Counter(GPT2_SPLIT.findall(text))
    words = [[bytes([b]) for b in chunk.encode()] for chunk in chunks]
    frequencies = list(chunks.values())
    counts, places = count_pairs(words, frequencies)
    ranks = {bytes([b]): b for b in range(256)}
    while counts and len(ranks) < 256 + num_merges:
        best = max(counts, key=lambda pair: (counts[pair], pair))
        ranks[best[0] + best[1]] = len(ranks)
        apply_merge(best, words, frequencies, counts, places)
    return ranks


# %% wrong="split at spaces" of="train_bpe" check="the most frequent pair first" says="expected"
def train_bpe(text, num_merges):
    chunks = Counter(text.split())
    words = [[bytes([b]) for b in chunk.encode()] for chunk in chunks]
    frequencies = list(chunks.values())
    counts, places = count_pairs(words, frequencies)
    ranks = {bytes([b]): b for b in range(256)}
    while counts and len(ranks) < 256 + num_merges:
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        ranks[best[0] + best[1]] = len(ranks)
        apply_merge(best, words, frequencies, counts, places)
    return ranks


# %% wrong="the whole text one chunk" of="train_bpe" check="within chunks" says="chunks of their own"
def train_bpe(text, num_merges):
    words, frequencies = [[bytes([b]) for b in text.encode()]], [1]
    counts, places = count_pairs(words, frequencies)
    ranks = {bytes([b]): b for b in range(256)}
    while counts and len(ranks) < 256 + num_merges:
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        ranks[best[0] + best[1]] = len(ranks)
        apply_merge(best, words, frequencies, counts, places)
    return ranks


# %% wrong="characters instead of bytes" of="train_bpe" check="within chunks, on bytes" says="é is two bytes"
def train_bpe(text, num_merges):
    chunks = Counter(GPT2_SPLIT.findall(text))
    words = [[c.encode() for c in chunk] for chunk in chunks]
    frequencies = list(chunks.values())
    counts, places = count_pairs(words, frequencies)
    ranks = {bytes([b]): b for b in range(256)}
    while counts and len(ranks) < 256 + num_merges:
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        ranks[best[0] + best[1]] = len(ranks)
        apply_merge(best, words, frequencies, counts, places)
    return ranks


# %% wrong="numbers instead of bytes" of="train_bpe" check="most frequent pair first" says="The keys of ranks are bytes"
def train_bpe(text, num_merges):
    chunks = Counter(GPT2_SPLIT.findall(text))
    words = [list(chunk.encode()) for chunk in chunks]
    frequencies = list(chunks.values())
    counts, places = count_pairs(words, frequencies)
    ranks = {bytes([b]): b for b in range(256)}
    while counts and len(ranks) < 256 + num_merges:
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        ranks[best[0] + best[1]] = len(ranks)
        apply_merge(best, words, frequencies, counts, places)
    return ranks


# %% wrong="pairs for keys" of="train_bpe" check="most frequent pair first" says="two of them glued"
def train_bpe(text, num_merges):
    chunks = Counter(GPT2_SPLIT.findall(text))
    words = [[bytes([b]) for b in chunk.encode()] for chunk in chunks]
    frequencies = list(chunks.values())
    counts, places = count_pairs(words, frequencies)
    ranks = {bytes([b]): b for b in range(256)}
    while counts and len(ranks) < 256 + num_merges:
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        ranks[best] = len(ranks)
        apply_merge(best, words, frequencies, counts, places)
    return ranks


# %% wrong="goes on when no pair is left" of="train_bpe" check="until nothing is left" says="ValueError"
def train_bpe(text, num_merges):
    chunks = Counter(GPT2_SPLIT.findall(text))
    words = [[bytes([b]) for b in chunk.encode()] for chunk in chunks]
    frequencies = list(chunks.values())
    counts, places = count_pairs(words, frequencies)
    ranks = {bytes([b]): b for b in range(256)}
    for _ in range(num_merges):
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        ranks[best[0] + best[1]] = len(ranks)
        apply_merge(best, words, frequencies, counts, places)
    return ranks


# %% wrong="num_merges taken for the size" of="train_bpe" check="256 bytes, then" says="256 bytes and 3 merged tokens"
def train_bpe(text, num_merges):
    chunks = Counter(GPT2_SPLIT.findall(text))
    words = [[bytes([b]) for b in chunk.encode()] for chunk in chunks]
    frequencies = list(chunks.values())
    counts, places = count_pairs(words, frequencies)
    ranks = {bytes([b]): b for b in range(256)}
    while counts and len(ranks) < num_merges:
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        ranks[best[0] + best[1]] = len(ranks)
        apply_merge(best, words, frequencies, counts, places)
    return ranks


# %% right="counted afresh before each merge" of="train_bpe"
def train_bpe(text, num_merges):
    chunks = Counter(GPT2_SPLIT.findall(text))
    words = {chunk: [bytes([b]) for b in chunk.encode()] for chunk in chunks}
    ranks = {bytes([b]): b for b in range(256)}
    for _ in range(num_merges):
        counts = {}
        for chunk, tokens in words.items():
            for pair in zip(tokens, tokens[1:], strict=False):
                counts[pair] = counts.get(pair, 0) + chunks[chunk]
        if not counts:
            return ranks
        best = sorted(counts, key=lambda pair: (-counts[pair], pair))[0]
        ranks[b"".join(best)] = len(ranks)
        words = {chunk: merge_pair(tokens, best) for chunk, tokens in words.items()}
    return ranks


# %% right="with a heap" of="train_bpe"
def train_bpe(text, num_merges):
    import heapq

    chunks = Counter(GPT2_SPLIT.findall(text))
    words = [[bytes([b]) for b in chunk.encode()] for chunk in chunks]
    frequencies = list(chunks.values())
    counts, places = count_pairs(words, frequencies)
    ranks = dict(zip((bytes([b]) for b in range(256)), range(256), strict=True))
    while counts and len(ranks) - 256 < num_merges:
        heap = [(-count, pair) for pair, count in counts.items()]
        heapq.heapify(heap)
        best = heap[0][1]
        ranks[best[0] + best[1]] = len(ranks)
        apply_merge(best, words, frequencies, counts, places)
    return ranks


# %% wrong="from the left, not by rank" of="BPETokenizer" check="the lowest rank" says="though ab stands further left"
class BPETokenizer:
    def __init__(self, ranks, special_tokens=None):
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk):
        tokens, i = [bytes([b]) for b in chunk], 0
        while i < len(tokens) - 1:
            if tokens[i] + tokens[i + 1] in self.ranks:
                tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
                i = 0
            else:
                i += 1
        return [self.ranks[token] for token in tokens]

    def encode(self, text):
        special = "|".join(regex.escape(name) for name in self.special_tokens)
        ids = []
        for part in regex.split(f"({special})", text) if special else [text]:
            if part in self.special_tokens:
                ids.append(self.special_tokens[part])
            else:
                ids += [i for chunk in GPT2_SPLIT.findall(part) for i in self.encode_bytes(chunk.encode())]
        return ids

    def decode_bytes(self, ids):
        return b"".join(self.tokens[i] for i in ids)

    def decode(self, ids):
        return self.decode_bytes(ids).decode(errors="replace")


# %% wrong="greedy longest piece from the left" of="BPETokenizer" check="the lowest rank" says="though ab stands further left"
class BPETokenizer:
    def __init__(self, ranks, special_tokens=None):
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk):
        ids, start = [], 0
        while start < len(chunk):
            end = next(end for end in range(len(chunk), start, -1) if chunk[start:end] in self.ranks)
            ids.append(self.ranks[chunk[start:end]])
            start = end
        return ids

    def encode(self, text):
        special = "|".join(regex.escape(name) for name in self.special_tokens)
        ids = []
        for part in regex.split(f"({special})", text) if special else [text]:
            if part in self.special_tokens:
                ids.append(self.special_tokens[part])
            else:
                ids += [i for chunk in GPT2_SPLIT.findall(part) for i in self.encode_bytes(chunk.encode())]
        return ids

    def decode_bytes(self, ids):
        return b"".join(self.tokens[i] for i in ids)

    def decode(self, ids):
        return self.decode_bytes(ids).decode(errors="replace")


# %% wrong="the rightmost of equals" of="BPETokenizer" check="the lowest rank" says="the leftmost is glued"
class BPETokenizer:
    def __init__(self, ranks, special_tokens=None):
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk):
        tokens = [bytes([b]) for b in chunk]
        while len(tokens) > 1:
            i = min(reversed(range(len(tokens) - 1)), key=lambda i: self.ranks.get(tokens[i] + tokens[i + 1], math.inf))
            if tokens[i] + tokens[i + 1] not in self.ranks:
                break
            tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
        return [self.ranks[token] for token in tokens]

    def encode(self, text):
        special = "|".join(regex.escape(name) for name in self.special_tokens)
        ids = []
        for part in regex.split(f"({special})", text) if special else [text]:
            if part in self.special_tokens:
                ids.append(self.special_tokens[part])
            else:
                ids += [i for chunk in GPT2_SPLIT.findall(part) for i in self.encode_bytes(chunk.encode())]
        return ids

    def decode_bytes(self, ids):
        return b"".join(self.tokens[i] for i in ids)

    def decode(self, ids):
        return self.decode_bytes(ids).decode(errors="replace")


# %% wrong="bytes for ids" of="BPETokenizer" check="the lowest rank" says="expected 7, got 97"
class BPETokenizer:
    def __init__(self, ranks, special_tokens=None):
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk):
        tokens = [bytes([b]) for b in chunk]
        while len(tokens) > 1:
            i = min(range(len(tokens) - 1), key=lambda i: self.ranks.get(tokens[i] + tokens[i + 1], math.inf))
            if tokens[i] + tokens[i + 1] not in self.ranks:
                break
            tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
        return [self.ranks[token] if len(token) > 1 else token[0] for token in tokens]

    def encode(self, text):
        special = "|".join(regex.escape(name) for name in self.special_tokens)
        ids = []
        for part in regex.split(f"({special})", text) if special else [text]:
            if part in self.special_tokens:
                ids.append(self.special_tokens[part])
            else:
                ids += [i for chunk in GPT2_SPLIT.findall(part) for i in self.encode_bytes(chunk.encode())]
        return ids

    def decode_bytes(self, ids):
        return b"".join(self.tokens[i] for i in ids)

    def decode(self, ids):
        return self.decode_bytes(ids).decode(errors="replace")


# %% wrong="not cut into chunks" of="BPETokenizer" check="text is cut into chunks" says="No merge across an edge"
class BPETokenizer:
    def __init__(self, ranks, special_tokens=None):
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk):
        tokens = [bytes([b]) for b in chunk]
        while len(tokens) > 1:
            i = min(range(len(tokens) - 1), key=lambda i: self.ranks.get(tokens[i] + tokens[i + 1], math.inf))
            if tokens[i] + tokens[i + 1] not in self.ranks:
                break
            tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
        return [self.ranks[token] for token in tokens]

    def encode(self, text):
        special = "|".join(regex.escape(name) for name in self.special_tokens)
        ids = []
        for part in regex.split(f"({special})", text) if special else [text]:
            if part in self.special_tokens:
                ids.append(self.special_tokens[part])
            else:
                ids += self.encode_bytes(part.encode())
        return ids

    def decode_bytes(self, ids):
        return b"".join(self.tokens[i] for i in ids)

    def decode(self, ids):
        return self.decode_bytes(ids).decode(errors="replace")


# %% wrong="special tokens treated as text" of="BPETokenizer" check="special tokens stay whole" says="<|end|> is one id"
class BPETokenizer:
    def __init__(self, ranks, special_tokens=None):
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk):
        tokens = [bytes([b]) for b in chunk]
        while len(tokens) > 1:
            i = min(range(len(tokens) - 1), key=lambda i: self.ranks.get(tokens[i] + tokens[i + 1], math.inf))
            if tokens[i] + tokens[i + 1] not in self.ranks:
                break
            tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
        return [self.ranks[token] for token in tokens]

    def encode(self, text):
        return [i for chunk in GPT2_SPLIT.findall(text) for i in self.encode_bytes(chunk.encode())]

    def decode_bytes(self, ids):
        return b"".join(self.tokens[i] for i in ids)

    def decode(self, ids):
        return self.decode_bytes(ids).decode(errors="replace")


# %% wrong="special tokens not escaped" of="BPETokenizer" check="special tokens stay whole" says="Escape its bars"
class BPETokenizer:
    def __init__(self, ranks, special_tokens=None):
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk):
        tokens = [bytes([b]) for b in chunk]
        while len(tokens) > 1:
            i = min(range(len(tokens) - 1), key=lambda i: self.ranks.get(tokens[i] + tokens[i + 1], math.inf))
            if tokens[i] + tokens[i + 1] not in self.ranks:
                break
            tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
        return [self.ranks[token] for token in tokens]

    def encode(self, text):
        special = "|".join(self.special_tokens)
        ids = []
        for part in regex.split(f"({special})", text) if special else [text]:
            if part in self.special_tokens:
                ids.append(self.special_tokens[part])
            else:
                ids += [i for chunk in GPT2_SPLIT.findall(part) for i in self.encode_bytes(chunk.encode())]
        return ids

    def decode_bytes(self, ids):
        return b"".join(self.tokens[i] for i in ids)

    def decode(self, ids):
        return self.decode_bytes(ids).decode(errors="replace")


# %% wrong="special tokens lost" of="BPETokenizer" check="special tokens stay whole" says="<|end|> is one id"
class BPETokenizer:
    def __init__(self, ranks, special_tokens=None):
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk):
        tokens = [bytes([b]) for b in chunk]
        while len(tokens) > 1:
            i = min(range(len(tokens) - 1), key=lambda i: self.ranks.get(tokens[i] + tokens[i + 1], math.inf))
            if tokens[i] + tokens[i + 1] not in self.ranks:
                break
            tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
        return [self.ranks[token] for token in tokens]

    def encode(self, text):
        special = "|".join(regex.escape(name) for name in self.special_tokens)
        ids = []
        for part in regex.split(special, text) if special else [text]:
            if part in self.special_tokens:
                ids.append(self.special_tokens[part])
            else:
                ids += [i for chunk in GPT2_SPLIT.findall(part) for i in self.encode_bytes(chunk.encode())]
        return ids

    def decode_bytes(self, ids):
        return b"".join(self.tokens[i] for i in ids)

    def decode(self, ids):
        return self.decode_bytes(ids).decode(errors="replace")


# %% wrong="decoded token by token" of="BPETokenizer" check="decoding joins bytes" says="join all bytes, then decode"
class BPETokenizer:
    def __init__(self, ranks, special_tokens=None):
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk):
        tokens = [bytes([b]) for b in chunk]
        while len(tokens) > 1:
            i = min(range(len(tokens) - 1), key=lambda i: self.ranks.get(tokens[i] + tokens[i + 1], math.inf))
            if tokens[i] + tokens[i + 1] not in self.ranks:
                break
            tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
        return [self.ranks[token] for token in tokens]

    def encode(self, text):
        special = "|".join(regex.escape(name) for name in self.special_tokens)
        ids = []
        for part in regex.split(f"({special})", text) if special else [text]:
            if part in self.special_tokens:
                ids.append(self.special_tokens[part])
            else:
                ids += [i for chunk in GPT2_SPLIT.findall(part) for i in self.encode_bytes(chunk.encode())]
        return ids

    def decode_bytes(self, ids):
        return b"".join(self.tokens[i] for i in ids)

    def decode(self, ids):
        return "".join(self.tokens[i].decode(errors="replace") for i in ids)


# %% wrong="strict decoding" of="BPETokenizer" check="decoding joins bytes" says="UnicodeDecodeError"
class BPETokenizer:
    def __init__(self, ranks, special_tokens=None):
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk):
        tokens = [bytes([b]) for b in chunk]
        while len(tokens) > 1:
            i = min(range(len(tokens) - 1), key=lambda i: self.ranks.get(tokens[i] + tokens[i + 1], math.inf))
            if tokens[i] + tokens[i + 1] not in self.ranks:
                break
            tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
        return [self.ranks[token] for token in tokens]

    def encode(self, text):
        special = "|".join(regex.escape(name) for name in self.special_tokens)
        ids = []
        for part in regex.split(f"({special})", text) if special else [text]:
            if part in self.special_tokens:
                ids.append(self.special_tokens[part])
            else:
                ids += [i for chunk in GPT2_SPLIT.findall(part) for i in self.encode_bytes(chunk.encode())]
        return ids

    def decode_bytes(self, ids):
        return b"".join(self.tokens[i] for i in ids)

    def decode(self, ids):
        return self.decode_bytes(ids).decode()


# %% wrong="invalid bytes dropped" of="BPETokenizer" check="decoding joins bytes" says="errors="
class BPETokenizer:
    def __init__(self, ranks, special_tokens=None):
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk):
        tokens = [bytes([b]) for b in chunk]
        while len(tokens) > 1:
            i = min(range(len(tokens) - 1), key=lambda i: self.ranks.get(tokens[i] + tokens[i + 1], math.inf))
            if tokens[i] + tokens[i + 1] not in self.ranks:
                break
            tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
        return [self.ranks[token] for token in tokens]

    def encode(self, text):
        special = "|".join(regex.escape(name) for name in self.special_tokens)
        ids = []
        for part in regex.split(f"({special})", text) if special else [text]:
            if part in self.special_tokens:
                ids.append(self.special_tokens[part])
            else:
                ids += [i for chunk in GPT2_SPLIT.findall(part) for i in self.encode_bytes(chunk.encode())]
        return ids

    def decode_bytes(self, ids):
        return b"".join(self.tokens[i] for i in ids)

    def decode(self, ids):
        return self.decode_bytes(ids).decode(errors="ignore")


# %% right="a merge at a time over a list of ranks" of="BPETokenizer"
class BPETokenizer:
    def __init__(self, ranks, special_tokens=None):
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk):
        tokens = [chunk[i : i + 1] for i in range(len(chunk))]
        while True:
            found = [(self.ranks[a + b], i) for i, (a, b) in enumerate(pairwise(tokens)) if a + b in self.ranks]
            if not found:
                return [self.ranks[token] for token in tokens]
            _, i = min(found)
            tokens = tokens[:i] + [tokens[i] + tokens[i + 1]] + tokens[i + 2 :]

    def encode(self, text):
        special = "|".join(regex.escape(name) for name in self.special_tokens)
        ids = []
        for part in regex.split(f"({special})", text) if special else [text]:
            if part in self.special_tokens:
                ids.append(self.special_tokens[part])
            else:
                ids += [i for chunk in GPT2_SPLIT.findall(part) for i in self.encode_bytes(chunk.encode())]
        return ids

    def decode_bytes(self, ids):
        joined = b""
        for i in ids:
            joined += self.tokens[i]
        return joined

    def decode(self, ids):
        return self.decode_bytes(ids).decode(errors="replace")


# %% right="special tokens found by hand" of="BPETokenizer"
class BPETokenizer:
    def __init__(self, ranks, special_tokens=None):
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk):
        tokens = [bytes([b]) for b in chunk]
        while len(tokens) > 1:
            i = min(range(len(tokens) - 1), key=lambda i: self.ranks.get(tokens[i] + tokens[i + 1], math.inf))
            if tokens[i] + tokens[i + 1] not in self.ranks:
                break
            tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
        return [self.ranks[token] for token in tokens]

    def encode(self, text):
        places = [(text.find(name), name) for name in self.special_tokens if name in text]
        if not places:
            return [i for chunk in GPT2_SPLIT.findall(text) for i in self.encode_bytes(chunk.encode("utf-8"))]
        place, name = min(places)
        return self.encode(text[:place]) + [self.special_tokens[name]] + self.encode(text[place + len(name) :])

    def decode_bytes(self, ids):
        return b"".join(self.tokens[i] for i in ids)

    def decode(self, ids):
        return str(self.decode_bytes(ids), "utf-8", "replace")


# %% wrong="an empty word is unknown" of="wordpiece_encode" check="longest piece" says="nothing unknown"
def wordpiece_encode(word, vocabulary, unknown="[UNK]", max_chars=100):
    if not word or len(word) > max_chars:
        return [unknown]
    pieces, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        ends = [end for end in range(len(word), start, -1) if prefix + word[start:end] in vocabulary]
        if not ends:
            return [unknown]
        pieces.append(prefix + word[start : ends[0]])
        start = ends[0]
    return pieces


# %% wrong="the shortest piece" of="wordpiece_encode" check="the longest piece" says="una is longer than un"
def wordpiece_encode(word, vocabulary, unknown="[UNK]", max_chars=100):
    if len(word) > max_chars:
        return [unknown]
    pieces, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        ends = [end for end in range(start + 1, len(word) + 1) if prefix + word[start:end] in vocabulary]
        if not ends:
            return [unknown]
        pieces.append(prefix + word[start : ends[0]])
        start = ends[0]
    return pieces


# %% wrong="## forgotten" of="wordpiece_encode" check="the longest piece" says="expected '##ble'"
def wordpiece_encode(word, vocabulary, unknown="[UNK]", max_chars=100):
    if len(word) > max_chars:
        return [unknown]
    pieces, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        ends = [end for end in range(len(word), start, -1) if prefix + word[start:end] in vocabulary]
        if not ends:
            return [unknown]
        pieces.append(word[start : ends[0]])
        start = ends[0]
    return pieces


# %% wrong="pieces without ## accepted inside" of="wordpiece_encode" check="kept or lost" says="only pieces with ## count"
def wordpiece_encode(word, vocabulary, unknown="[UNK]", max_chars=100):
    if len(word) > max_chars:
        return [unknown]
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            part = word[start:end]
            found = ["##" + part] if start and "##" + part in vocabulary else [part] if part in vocabulary else []
            if found:
                break
        if not found:
            return [unknown]
        pieces += found
        start = end
    return pieces


# %% wrong="only the rest unknown" of="wordpiece_encode" check="kept or lost as a whole" says="the whole word becomes one"
def wordpiece_encode(word, vocabulary, unknown="[UNK]", max_chars=100):
    if len(word) > max_chars:
        return [unknown]
    pieces, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        ends = [end for end in range(len(word), start, -1) if prefix + word[start:end] in vocabulary]
        if not ends:
            return [*pieces, unknown]
        pieces.append(prefix + word[start : ends[0]])
        start = ends[0]
    return pieces


# %% wrong="goes back" of="wordpiece_encode" check="kept or lost as a whole" says="it never goes back"
def wordpiece_encode(word, vocabulary, unknown="[UNK]", max_chars=100):
    def cut(start):
        if start == len(word):
            return []
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                rest = cut(end)
                if rest is not None:
                    return [piece, *rest]
        return None

    pieces = cut(0) if len(word) <= max_chars else None
    return [unknown] if pieces is None else pieces


# %% wrong="length not limited" of="wordpiece_encode" check="very long words" says="4 characters are more than max_chars"
def wordpiece_encode(word, vocabulary, unknown="[UNK]", max_chars=100):
    pieces, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        ends = [end for end in range(len(word), start, -1) if prefix + word[start:end] in vocabulary]
        if not ends:
            return [unknown]
        pieces.append(prefix + word[start : ends[0]])
        start = ends[0]
    return pieces


# %% wrong="ids instead of pieces" of="wordpiece_encode" check="the longest piece" says="expected 'una', got an int (1)"
def wordpiece_encode(word, vocabulary, unknown="[UNK]", max_chars=100):
    if len(word) > max_chars:
        return [unknown]
    pieces, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        ends = [end for end in range(len(word), start, -1) if prefix + word[start:end] in vocabulary]
        if not ends:
            return [unknown]
        pieces.append(vocabulary[prefix + word[start : ends[0]]])
        start = ends[0]
    return pieces


# %% right="two loops with while and else" of="wordpiece_encode"
def wordpiece_encode(word, vocabulary, unknown="[UNK]", max_chars=100):
    pieces, start = [], 0
    if len(word) > max_chars:
        return [unknown]
    while start != len(word):
        end = len(word)
        while end > start:
            piece = word[start:end] if start == 0 else "##" + word[start:end]
            if piece in vocabulary:
                break
            end -= 1
        else:
            return [unknown]
        pieces += [piece]
        start = end
    return pieces


# %% right="the rest of the word, recursively" of="wordpiece_encode"
def wordpiece_encode(word, vocabulary, unknown="[UNK]", max_chars=100):
    def cut(rest, prefix):
        if not rest:
            return []
        for size in range(len(rest), 0, -1):
            if prefix + rest[:size] in vocabulary:
                return [prefix + rest[:size], *cut(rest[size:], "##")]
        return [None]

    pieces = [None] if len(word) > max_chars else cut(word, "")
    return [unknown] if None in pieces else pieces


# %% wrong="an unknown character as dear as the rarest piece" of="unigram_encode" check="10 more than" says="a is no piece: -6 - 10"
def unigram_encode(text, log_probs):
    unknown = min(log_probs.values())
    best = [0.0] + [-math.inf] * len(text)
    starts = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        for start in range(end):
            piece = text[start:end]
            score = best[start] + log_probs.get(piece, unknown if len(piece) == 1 else -math.inf)
            if score > best[end]:
                best[end], starts[end] = score, start
    pieces, end = [], len(text)
    while end > 0:
        pieces.insert(0, text[starts[end] : end])
        end = starts[end]
    return pieces


# %% wrong="an unknown character 100 dearer" of="unigram_encode" check="10 more than" says="an unknown a and bcdef"
def unigram_encode(text, log_probs):
    unknown = min(log_probs.values()) - 100
    best = [0.0] + [-math.inf] * len(text)
    starts = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        for start in range(end):
            piece = text[start:end]
            score = best[start] + log_probs.get(piece, unknown if len(piece) == 1 else -math.inf)
            if score > best[end]:
                best[end], starts[end] = score, start
    pieces, end = [], len(text)
    while end > 0:
        pieces.insert(0, text[starts[end] : end])
        end = starts[end]
    return pieces


# %% wrong="pieces from last to first" of="unigram_encode" check="joined, the pieces" says="put the pieces in order"
def unigram_encode(text, log_probs):
    unknown = min(log_probs.values()) - 10
    best = [0.0] + [-math.inf] * len(text)
    starts = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        for start in range(end):
            piece = text[start:end]
            score = best[start] + log_probs.get(piece, unknown if len(piece) == 1 else -math.inf)
            if score > best[end]:
                best[end], starts[end] = score, start
    pieces, end = [], len(text)
    while end > 0:
        pieces.append(text[starts[end] : end])
        end = starts[end]
    return pieces


# %% wrong="probability of the last piece alone" of="unigram_encode" check="the largest" says="add logarithms"
def unigram_encode(text, log_probs):
    unknown = min(log_probs.values()) - 10
    best = [0.0] + [-math.inf] * len(text)
    starts = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        for start in range(end):
            piece = text[start:end]
            score = log_probs.get(piece, unknown if len(piece) == 1 else -math.inf)
            if score > best[end]:
                best[end], starts[end] = score, start
    pieces, end = [], len(text)
    while end > 0:
        pieces.insert(0, text[starts[end] : end])
        end = starts[end]
    return pieces


# %% wrong="probabilities multiplied" of="unigram_encode" check="the largest" says="expected"
def unigram_encode(text, log_probs):
    unknown = min(log_probs.values()) - 10
    best = [1.0] + [-math.inf] * len(text)
    starts = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        for start in range(end):
            piece = text[start:end]
            score = best[start] * log_probs.get(piece, unknown if len(piece) == 1 else -math.inf)
            if score > best[end]:
                best[end], starts[end] = score, start
    pieces, end = [], len(text)
    while end > 0:
        pieces.insert(0, text[starts[end] : end])
        end = starts[end]
    return pieces


# %% wrong="the least probable" of="unigram_encode" check="the largest" says="add logarithms"
def unigram_encode(text, log_probs):
    unknown = min(log_probs.values()) - 10
    best = [0.0] + [math.inf] * len(text)
    starts = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        for start in range(end):
            piece = text[start:end]
            score = best[start] + log_probs.get(piece, unknown if len(piece) == 1 else math.inf)
            if score < best[end]:
                best[end], starts[end] = score, start
    pieces, end = [], len(text)
    while end > 0:
        pieces.insert(0, text[starts[end] : end])
        end = starts[end]
    return pieces


# %% wrong="no way for unknown characters" of="unigram_encode" check="costs 10 more" says="unknown characters one by one"
def unigram_encode(text, log_probs):
    best = [0.0] + [-math.inf] * len(text)
    starts = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        for start in range(end):
            piece = text[start:end]
            score = best[start] + log_probs.get(piece, -math.inf)
            if score > best[end]:
                best[end], starts[end] = score, start
    pieces, end = [], len(text)
    while end > 0:
        pieces.insert(0, text[starts[end] : end])
        end = starts[end]
    return pieces


# %% wrong="unknown pieces of any length" of="unigram_encode" check="costs 10 more" says="unknown characters one by one"
def unigram_encode(text, log_probs):
    unknown = min(log_probs.values()) - 10
    best = [0.0] + [-math.inf] * len(text)
    starts = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        for start in range(end):
            piece = text[start:end]
            score = best[start] + log_probs.get(piece, unknown)
            if score > best[end]:
                best[end], starts[end] = score, start
    pieces, end = [], len(text)
    while end > 0:
        pieces.insert(0, text[starts[end] : end])
        end = starts[end]
    return pieces


# %% wrong="unknown characters free" of="unigram_encode" check="costs 10 more" says="ab: -15.5"
def unigram_encode(text, log_probs):
    unknown = 0.0
    best = [0.0] + [-math.inf] * len(text)
    starts = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        for start in range(end):
            piece = text[start:end]
            score = best[start] + log_probs.get(piece, unknown if len(piece) == 1 else -math.inf)
            if score > best[end]:
                best[end], starts[end] = score, start
    pieces, end = [], len(text)
    while end > 0:
        pieces.insert(0, text[starts[end] : end])
        end = starts[end]
    return pieces


# %% wrong="the last of equals" of="unigram_encode" check="of equal cuts" says="only when strictly better"
def unigram_encode(text, log_probs):
    unknown = min(log_probs.values()) - 10
    best = [0.0] + [-math.inf] * len(text)
    starts = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        for start in range(end):
            piece = text[start:end]
            score = best[start] + log_probs.get(piece, unknown if len(piece) == 1 else -math.inf)
            if score >= best[end]:
                best[end], starts[end] = score, start
    pieces, end = [], len(text)
    while end > 0:
        pieces.insert(0, text[starts[end] : end])
        end = starts[end]
    return pieces


# %% wrong="greedy: the most probable first piece" of="unigram_encode" check="the largest" says="expected"
def unigram_encode(text, log_probs):
    unknown, pieces = min(log_probs.values()) - 10, []
    while text:
        fits = [piece for piece in log_probs if text.startswith(piece)] or [text[0]]
        pieces.append(max(fits, key=lambda piece: log_probs.get(piece, unknown)))
        text = text[len(pieces[-1]) :]
    return pieces


# %% wrong="greedy: the longest piece" of="unigram_encode" check="the largest" says="compare whole cuts"
def unigram_encode(text, log_probs):
    pieces = []
    while text:
        fits = [piece for piece in log_probs if text.startswith(piece)] or [text[0]]
        pieces.append(max(fits, key=len))
        text = text[len(pieces[-1]) :]
    return pieces


# %% right="whole cuts kept beside their scores" of="unigram_encode"
def unigram_encode(text, log_probs):
    lowest = min(log_probs.values())
    best = [(0.0, [])]
    for end in range(1, len(text) + 1):
        options = []
        for start in range(end):
            piece, (score, cut) = text[start:end], best[start]
            if piece in log_probs:
                options.append((score + log_probs[piece], cut + [piece]))
            elif end - start == 1:
                options.append((score + lowest - 10, cut + [piece]))
        best.append(max(options, key=lambda option: option[0]))
    return best[-1][1]


# %% right="forwards, no further than the longest piece" of="unigram_encode"
def unigram_encode(text, log_probs):
    n, longest = len(text), max(map(len, log_probs))
    best, last = [0.0] + [float("-inf")] * n, [""] * (n + 1)
    for start in range(n):
        for end in range(start + 1, min(n, start + longest) + 1):
            piece = text[start:end]
            score = log_probs.get(piece)
            if score is None and len(piece) == 1:
                score = min(log_probs.values()) - 10
            if score is not None and best[start] + score > best[end]:
                best[end], last[end] = best[start] + score, piece
    pieces = []
    while n:
        pieces.append(last[n])
        n -= len(last[n])
    return pieces[::-1]


# %% wrong="the right one of equal pairs" of="sentencepiece_bpe_encode" check="largest score" says="the left one first"
def sentencepiece_bpe_encode(text, scores):
    symbols = list("▁" + text.replace(" ", "▁")) if text else []
    while len(symbols) > 1:
        values = [scores.get(one + two, -math.inf) for one, two in pairwise(symbols)]
        best = max(values)
        if best == -math.inf:
            break
        i = max(i for i, value in enumerate(values) if value == best)
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    pieces = []
    for symbol in symbols:
        pieces += [symbol] if symbol in scores else [f"<0x{b:02X}>" for b in symbol.encode()]
    return pieces


# %% wrong="bytes before the merging" of="sentencepiece_bpe_encode" check="falls back to bytes" says="after the merging"
def sentencepiece_bpe_encode(text, scores):
    symbols = []
    for character in "▁" + text.replace(" ", "▁") if text else "":
        symbols += [character] if character in scores else [f"<0x{b:02X}>" for b in character.encode()]
    while len(symbols) > 1:
        i = max(range(len(symbols) - 1), key=lambda i: scores.get(symbols[i] + symbols[i + 1], -math.inf))
        if symbols[i] + symbols[i + 1] not in scores:
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    return symbols


# %% wrong="no space before the text" of="sentencepiece_bpe_encode" check="one stands before" says="the first stands before the text"
def sentencepiece_bpe_encode(text, scores):
    symbols = list(text.replace(" ", "▁")) if text else []
    while len(symbols) > 1:
        i = max(range(len(symbols) - 1), key=lambda i: scores.get(symbols[i] + symbols[i + 1], -math.inf))
        if symbols[i] + symbols[i + 1] not in scores:
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    pieces = []
    for symbol in symbols:
        pieces += [symbol] if symbol in scores else [f"<0x{b:02X}>" for b in symbol.encode()]
    return pieces


# %% wrong="ordinary spaces" of="sentencepiece_bpe_encode" check="a space is a character" says="expected"
def sentencepiece_bpe_encode(text, scores):
    symbols = list("▁" + text) if text else []
    while len(symbols) > 1:
        i = max(range(len(symbols) - 1), key=lambda i: scores.get(symbols[i] + symbols[i + 1], -math.inf))
        if symbols[i] + symbols[i + 1] not in scores:
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    pieces = []
    for symbol in symbols:
        pieces += [symbol] if symbol in scores else [f"<0x{b:02X}>" for b in symbol.encode()]
    return pieces


# %% wrong="spaces at the edges stripped" of="sentencepiece_bpe_encode" check="a space is a character" says="nothing is stripped"
def sentencepiece_bpe_encode(text, scores):
    symbols = list("▁" + text.strip().replace(" ", "▁")) if text else []
    while len(symbols) > 1:
        i = max(range(len(symbols) - 1), key=lambda i: scores.get(symbols[i] + symbols[i + 1], -math.inf))
        if symbols[i] + symbols[i + 1] not in scores:
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    pieces = []
    for symbol in symbols:
        pieces += [symbol] if symbol in scores else [f"<0x{b:02X}>" for b in symbol.encode()]
    return pieces


# %% wrong="a space for an empty text" of="sentencepiece_bpe_encode" check="a space is a character" says="not even a space"
def sentencepiece_bpe_encode(text, scores):
    symbols = list("▁" + text.replace(" ", "▁"))
    while len(symbols) > 1:
        i = max(range(len(symbols) - 1), key=lambda i: scores.get(symbols[i] + symbols[i + 1], -math.inf))
        if symbols[i] + symbols[i + 1] not in scores:
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    pieces = []
    for symbol in symbols:
        pieces += [symbol] if symbol in scores else [f"<0x{b:02X}>" for b in symbol.encode()]
    return pieces


# %% wrong="the smallest score first" of="sentencepiece_bpe_encode" check="the largest score" says="expected"
def sentencepiece_bpe_encode(text, scores):
    symbols = list("▁" + text.replace(" ", "▁")) if text else []
    while len(symbols) > 1:
        i = min(range(len(symbols) - 1), key=lambda i: scores.get(symbols[i] + symbols[i + 1], math.inf))
        if symbols[i] + symbols[i + 1] not in scores:
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    pieces = []
    for symbol in symbols:
        pieces += [symbol] if symbol in scores else [f"<0x{b:02X}>" for b in symbol.encode()]
    return pieces


# %% wrong="the right one of equals" of="sentencepiece_bpe_encode" check="the largest score" says="the left one first"
def sentencepiece_bpe_encode(text, scores):
    symbols = list("▁" + text.replace(" ", "▁")) if text else []
    while len(symbols) > 1:
        i = max(reversed(range(len(symbols) - 1)), key=lambda i: scores.get(symbols[i] + symbols[i + 1], -math.inf))
        if symbols[i] + symbols[i + 1] not in scores:
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    pieces = []
    for symbol in symbols:
        pieces += [symbol] if symbol in scores else [f"<0x{b:02X}>" for b in symbol.encode()]
    return pieces


# %% wrong="no fall-back" of="sentencepiece_bpe_encode" check="falls back to bytes" says="its two bytes in UTF-8"
def sentencepiece_bpe_encode(text, scores):
    symbols = list("▁" + text.replace(" ", "▁")) if text else []
    while len(symbols) > 1:
        i = max(range(len(symbols) - 1), key=lambda i: scores.get(symbols[i] + symbols[i + 1], -math.inf))
        if symbols[i] + symbols[i + 1] not in scores:
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    pieces = []
    for symbol in symbols:
        pieces += [symbol] if symbol in scores else [symbol]
    return pieces


# %% wrong="one unknown for it" of="sentencepiece_bpe_encode" check="falls back to bytes" says="its two bytes"
def sentencepiece_bpe_encode(text, scores):
    symbols = list("▁" + text.replace(" ", "▁")) if text else []
    while len(symbols) > 1:
        i = max(range(len(symbols) - 1), key=lambda i: scores.get(symbols[i] + symbols[i + 1], -math.inf))
        if symbols[i] + symbols[i + 1] not in scores:
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    pieces = []
    for symbol in symbols:
        pieces += [symbol] if symbol in scores else ["<unk>"]
    return pieces


# %% wrong="small hexadecimal digits" of="sentencepiece_bpe_encode" check="falls back to bytes" says="C3 and BC"
def sentencepiece_bpe_encode(text, scores):
    symbols = list("▁" + text.replace(" ", "▁")) if text else []
    while len(symbols) > 1:
        i = max(range(len(symbols) - 1), key=lambda i: scores.get(symbols[i] + symbols[i + 1], -math.inf))
        if symbols[i] + symbols[i + 1] not in scores:
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    pieces = []
    for symbol in symbols:
        pieces += [symbol] if symbol in scores else [f"<0x{b:02x}>" for b in symbol.encode()]
    return pieces


# %% wrong="digits without a leading zero" of="sentencepiece_bpe_encode" check="falls back to bytes" says="two hexadecimal digits, 0A"
def sentencepiece_bpe_encode(text, scores):
    symbols = list("▁" + text.replace(" ", "▁")) if text else []
    while len(symbols) > 1:
        i = max(range(len(symbols) - 1), key=lambda i: scores.get(symbols[i] + symbols[i + 1], -math.inf))
        if symbols[i] + symbols[i + 1] not in scores:
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    pieces = []
    for symbol in symbols:
        pieces += [symbol] if symbol in scores else [f"<0x{b:X}>" for b in symbol.encode()]
    return pieces


# %% wrong="code point for bytes" of="sentencepiece_bpe_encode" check="falls back to bytes" says="its two bytes in UTF-8"
def sentencepiece_bpe_encode(text, scores):
    symbols = list("▁" + text.replace(" ", "▁")) if text else []
    while len(symbols) > 1:
        i = max(range(len(symbols) - 1), key=lambda i: scores.get(symbols[i] + symbols[i + 1], -math.inf))
        if symbols[i] + symbols[i + 1] not in scores:
            break
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    pieces = []
    for symbol in symbols:
        pieces += [symbol] if symbol in scores else [f"<0x{b:02X}>" for b in [ord(symbol)]]
    return pieces


# %% right="a list of the pairs that can be merged" of="sentencepiece_bpe_encode"
def sentencepiece_bpe_encode(text, scores):
    if text == "":
        return []
    symbols = ["▁" if c == " " else c for c in " " + text]
    while True:
        found = [(-scores[a + b], i) for i, (a, b) in enumerate(pairwise(symbols)) if a + b in scores]
        if not found:
            break
        i = min(found)[1]
        symbols = symbols[:i] + [symbols[i] + symbols[i + 1]] + symbols[i + 2 :]
    pieces = []
    for symbol in symbols:
        if symbol in scores:
            pieces.append(symbol)
        else:
            pieces.extend("<0x" + format(b, "02X") + ">" for b in symbol.encode("utf-8"))
    return pieces


# %% right="by one regular expression for the bytes" of="sentencepiece_bpe_encode"
def sentencepiece_bpe_encode(text, scores):
    symbols = list(("▁" * bool(text)) + text.replace(" ", "▁"))
    for _ in range(len(symbols)):
        ranked = sorted(
            (i for i in range(len(symbols) - 1) if symbols[i] + symbols[i + 1] in scores),
            key=lambda i: scores[symbols[i] + symbols[i + 1]], reverse=True)
        if ranked:
            symbols[ranked[0]] += symbols.pop(ranked[0] + 1)
    return [piece for s in symbols for piece in ([s] if s in scores else byte_names(s))]


def byte_names(symbol):
    return ["<0x" + pair.upper() + ">" for pair in symbol.encode().hex(" ").split()]


# %% equivalent="0bee89dc" of="wordpiece_encode" because="behind the first piece start is above 0, and pieces is not empty"


# %% equivalent="5bb5eb68" of="wordpiece_encode" because="the empty piece comes last, and no vocabulary holds a bare ##"


# %% equivalent="c47672cb" of="wordpiece_encode" because="a slice past the end of the word is the same piece, and the loop ends as well"


# %% equivalent="3c5fefd5" of="unigram_encode" because="every end but 0 gets a start, as a single character always has a score, and 0 is never read"


# %% equivalent="613012eb" of="unigram_encode" because="the entry behind the last is never read"


# %% equivalent="e15f0e22" of="unigram_encode" because="every end but 0 gets a start, as a single character always has a score, and 0 is never read"


# %% equivalent="4b3c0f75" of="unigram_encode" because="no start lies before the end 0: the inner loop is empty"


# %% equivalent="552dce74" of="unigram_encode" because="the empty piece is in no vocabulary, so its score is minus infinity"
