# %% wrong="fifty words are too few" of="quality_filter" check="neither too short nor too long" says="are enough"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 < count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="no upper limit" of="quality_filter" check="neither too short nor too long" says="100,001 words are too many"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": count < 50,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="the mean of all characters, white space too" of="quality_filter" check="neither too short nor too long" says="the mean length of these words"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= len(text) / count - 0.5 <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="division by zero" of="quality_filter" check="neither too short nor too long" says="raised ZeroDivisionError"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="the empty text breaks the word length too" of="quality_filter" check="neither too short nor too long" says="two rules broken"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": not 3 <= sum(map(len, words)) / max(count, 1) <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="the median length" of="quality_filter" check="neither too short nor too long" says="below 3"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sorted(map(len, words))[count // 2] <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="the longest word" of="quality_filter" check="neither too short nor too long" says="below 3"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and max(map(len, words)) > 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="symbols and ellipses added up" of="quality_filter" check="symbols, bullets and ellipses" says="the two are not added up"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": text.count("#") + ellipses > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="hash signs as words" of="quality_filter" check="symbols, bullets and ellipses" says="inside of words count too"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(words.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="one of the two ellipses" of="quality_filter" check="symbols, bullets and ellipses" says="8 ellipses together"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="lines not stripped" of="quality_filter" check="symbols, bullets and ellipses" says="white space before a bullet"
def quality_filter(text):
    words, lines = text.split(), [line for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="empty lines count" of="quality_filter" check="symbols, bullets and ellipses" says="and empty lines, do not matter"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="nine tenths are too many" of="quality_filter" check="symbols, bullets and ellipses" says="90%, which is allowed"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) >= 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="a bullet anywhere in a line" of="quality_filter" check="symbols, bullets and ellipses" says="only at the beginning of a line"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(any(c in line for c in "•-*") for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="the share of lines with an ellipsis anywhere" of="quality_filter" check="symbols, bullets and ellipses" says="does not end with an ellipsis"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(("..." in line or "…" in line) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="all of a word's characters are letters" of="quality_filter" check="letters and stop words" says="one letter in a word is enough"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(all(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="letters of English only" of="quality_filter" check="letters and stop words" says="of any alphabet"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any("a" <= c.lower() <= "z" for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="the share of characters" of="quality_filter" check="neither too short nor too long" says="49 words"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(c.isalpha() for c in text) < 0.8 * len(text),
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="stop words counted again and again" of="quality_filter" check="letters and stop words" says="two different ones"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": sum(word.lower() in STOP_WORDS for word in words) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="capitals left as they are" of="quality_filter" check="letters and stop words" says="lower()"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & set(words)) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="stop words inside of words" of="quality_filter" check="letters and stop words" says="a whole word"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": sum(stop in text.lower() for stop in STOP_WORDS) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="stops at the first rule" of="quality_filter" check="neither too short nor too long" says="a single word"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken][:1]


# %% wrong="in the order of the alphabet" of="quality_filter" check="every broken rule" says="in the order of the table"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return sorted(rule for rule, is_broken in broken.items() if is_broken)


# %% wrong="ends of lines are parts of words" of="quality_filter" check="neither too short nor too long" says="ends of lines"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= len(text.replace(" ", "")) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="words with a hash sign" of="quality_filter" check="symbols, bullets and ellipses" says="not the words that have one"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(sum("#" in word for word in words), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="words that end with an ellipsis" of="quality_filter" check="symbols, bullets and ellipses" says="ellipses inside of words"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = sum(word.endswith(("...", "…")) for word in words)
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="a bullet and a space" of="quality_filter" check="symbols, bullets and ellipses" says="needs no space"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("• ", "- ", "* ")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="white space at the end of a line" of="quality_filter" check="symbols, bullets and ellipses" says="white space after an ellipsis"
def quality_filter(text):
    words, lines = text.split(), [line.lstrip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="three full stops only" of="quality_filter" check="symbols, bullets and ellipses" says="… is an ellipsis"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith("...") for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="a full stop for an ellipsis" of="quality_filter" check="symbols, bullets and ellipses" says="a full stop at the end"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith((".", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="stop words without their punctuation" of="quality_filter" check="letters and stop words" says="with its comma"
def quality_filter(text):
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower().strip(".,;:!?") for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


# %% wrong="true or false" of="quality_filter" check="neither too short nor too long" says="expected a list"
def quality_filter(text):
    words = text.split()
    return 50 <= len(words) <= 100_000 and len(STOP_WORDS & set(words)) >= 2


# %% right="rule by rule, with divisions" of="quality_filter"
def quality_filter(text):
    words = text.split()
    if not words:
        return ["words", "stop words"]
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    n, result = len(words), []
    if n < 50 or n > 100000:
        result.append("words")
    if not 3 <= np.mean([len(w) for w in words]) <= 10:
        result.append("word length")
    if text.count("#") / n > 0.1 or (text.count("...") + text.count("…")) / n > 0.1:
        result.append("symbols")
    if np.mean([line[0] in "•-*" for line in lines]) > 0.9:
        result.append("bullets")
    if np.mean([line.endswith(("...", "…")) for line in lines]) > 0.3:
        result.append("ellipses")
    if np.mean([any(map(str.isalpha, w)) for w in words]) < 0.8:
        result.append("letters")
    if len(set(map(str.lower, words)) & STOP_WORDS) < 2:
        result.append("stop words")
    return result


# %% right="with regular expressions" of="quality_filter"
def quality_filter(text):
    words = re.findall(r"\S+", text)
    lines = re.findall(r"^[^\S\n]*(\S.*?)[^\S\n]*$", text, flags=re.MULTILINE)
    n, total = len(words), max(len(lines), 1)
    lengths = [len(word) for word in words]
    checks = [("words", n < 50 or n > 100_000),
              ("word length", bool(n) and (sum(lengths) < 3 * n or sum(lengths) > 10 * n)),
              ("symbols", len(re.findall("#", text)) > n / 10 or len(re.findall(r"\.\.\.|…", text)) > n / 10),
              ("bullets", sum(bool(re.match("[•*-]", line)) for line in lines) / total > 0.9),
              ("ellipses", sum(bool(re.search(r"(\.\.\.|…)$", line)) for line in lines) / total > 0.3),
              ("letters", sum(bool(re.search(r"[^\W\d_]", word)) for word in words) / max(n, 1) < 0.8 and n > 0),
              ("stop words", len({word.lower() for word in words}.intersection(STOP_WORDS)) < 2)]
    return [name for name, broken in checks if broken]


# %% right="in whole numbers" of="quality_filter"
def quality_filter(text):
    words, lines = text.split(), list(filter(None, map(str.strip, text.splitlines())))
    n, size = len(words), sum(len(word) for word in words)
    symbols = 10 * text.count("#") > n or 10 * (text.count("…") + text.count("...")) > n
    bullets = 10 * sum(line[0] in ("•", "-", "*") for line in lines) > 9 * len(lines)
    dots = 10 * sum(line[-1] == "…" or line[-3:] == "..." for line in lines) > 3 * len(lines)
    letters = 10 * sum(any(c.isalpha() for c in word) for word in words) < 8 * n
    stops = sum(stop in {word.lower() for word in words} for stop in STOP_WORDS) < 2
    flags = (n < 50 or n > 10**5, size < 3 * n or size > 10 * n, symbols, bullets, dots, letters, stops)
    names = ("words", "word length", "symbols", "bullets", "ellipses", "letters", "stop words")
    return [name for name, flag in zip(names, flags, strict=True) if flag]


# %% wrong="the last stretch forgotten" of="shingles" check="every stretch of n words" says="the last one ends"
def shingles(text, n=5):
    words = normalise(text)
    return {" ".join(words[i : i + n]) for i in range(max(1, len(words) - n))} if words else set()


# %% wrong="one stretch too many" of="shingles" check="every stretch of n words" says="the last one ends"
def shingles(text, n=5):
    words = normalise(text)
    return {" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 2))} if words else set()


# %% wrong="one after the other, without overlap" of="shingles" check="every stretch of n words" says="seven words have three stretches"
def shingles(text, n=5):
    words = normalise(text)
    return {" ".join(words[i : i + n]) for i in range(0, max(1, len(words) - n + 1), n)} if words else set()


# %% wrong="words as they are written" of="shingles" check="every stretch of n words" says="takes away capitals"
def shingles(text, n=5):
    words = text.split()
    return {" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1))} if words else set()


# %% wrong="lower case, with punctuation" of="shingles" check="every stretch of n words" says="takes away capitals"
def shingles(text, n=5):
    words = text.lower().split()
    return {" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1))} if words else set()


# %% wrong="a list" of="shingles" check="every stretch of n words" says="holds each shingle once"
def shingles(text, n=5):
    words = normalise(text)
    return [" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1))] if words else set()


# %% wrong="joined without spaces" of="shingles" check="every stretch of n words" says="seven words have three stretches"
def shingles(text, n=5):
    words = normalise(text)
    return {"".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1))} if words else set()


# %% wrong="stretches of characters" of="shingles" check="every stretch of n words" says="seven words have three stretches"
def shingles(text, n=5):
    words = list(text.lower())
    return {" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1))} if words else set()


# %% wrong="five whatever n is" of="shingles" check="every stretch of n words" says="holds each shingle once"
def shingles(text, n=5):
    words, n = normalise(text), 5
    return {" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1))} if words else set()


# %% wrong="nothing of a short text" of="shingles" check="short texts and empty ones" says="fewer than n words: one shingle"
def shingles(text, n=5):
    words = normalise(text)
    return {" ".join(words[i : i + n]) for i in range(len(words) - n + 1)} if words else set()


# %% wrong="an empty text for no words" of="shingles" check="short texts and empty ones" says="not a set with an empty text"
def shingles(text, n=5):
    words = normalise(text)
    return {" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1))}


# %% wrong="an empty dict for no words" of="shingles" check="short texts and empty ones" says="set() is the empty set"
def shingles(text, n=5):
    words = normalise(text)
    return {" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1))} if words else {}


# %% wrong="tuples" of="shingles" check="every stretch of n words" says="expected"
def shingles(text, n=5):
    words = normalise(text)
    return {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))} if words else set()


# %% right="a loop" of="shingles"
def shingles(text, n=5):
    words, result = normalise(text), set()
    if 0 < len(words) < n:
        result.add(" ".join(words))
    for end in range(n, len(words) + 1):
        result.add(" ".join(words[end - n : end]))
    return result


# %% right="columns zipped" of="shingles"
def shingles(text, n=5):
    words = normalise(text)
    if len(words) < n:
        return {" ".join(words)} - {""}
    return {" ".join(stretch) for stretch in zip(*(words[i:] for i in range(n)), strict=False)}


# %% right="a sliding window" of="shingles"
def shingles(text, n=5):
    words = normalise(text)
    n = min(n, len(words))
    if n == 0:
        return set()
    return {" ".join(row) for row in np.lib.stride_tricks.sliding_window_view(np.array(words), n).tolist()}


# %% wrong="the minimum over the functions" of="minhash_signature" check="the smallest number of each numbering" says="expected shape (4,)"
def minhash_signature(hashes, a, b):
    values = (a[:, None] * hashes + b[:, None]) % PRIME
    return values.min(axis=0, initial=PRIME)


# %% wrong="the largest" of="minhash_signature" check="the smallest number of each numbering" says="the minimum"
def minhash_signature(hashes, a, b):
    values = (a[:, None] * hashes + b[:, None]) % PRIME
    return values.max(axis=1, initial=0)


# %% wrong="no remainder" of="minhash_signature" check="the smallest number of each numbering" says="mod PRIME"
def minhash_signature(hashes, a, b):
    values = a[:, None] * hashes + b[:, None]
    return values.min(axis=1, initial=PRIME)


# %% wrong="the remainder after the minimum" of="minhash_signature" check="the smallest number of each numbering" says="mod PRIME"
def minhash_signature(hashes, a, b):
    values = a[:, None] * hashes + b[:, None]
    return values.min(axis=1, initial=PRIME * PRIME) % PRIME


# %% wrong="in float64" of="minhash_signature" check="the smallest number of each numbering" says="no floats"
def minhash_signature(hashes, a, b):
    values = (a[:, None].astype(float) * hashes + b[:, None]) % PRIME
    return values.min(axis=1, initial=PRIME).astype(np.int64)


# %% wrong="in int32" of="minhash_signature" check="the smallest number of each numbering" says="no int32"
def minhash_signature(hashes, a, b):
    values = (a[:, None].astype(np.int32) * hashes.astype(np.int32) + b[:, None].astype(np.int32)) % PRIME
    return values.min(axis=1, initial=PRIME).astype(np.int64)


# %% wrong="b left out" of="minhash_signature" check="the smallest number of each numbering" says="the minimum of (a_i x + b_i)"
def minhash_signature(hashes, a, b):
    values = (a[:, None] * hashes) % PRIME
    return values.min(axis=1, initial=PRIME)


# %% wrong="b multiplied with" of="minhash_signature" check="the smallest number of each numbering" says="the minimum of (a_i x + b_i)"
def minhash_signature(hashes, a, b):
    values = (a[:, None] * (hashes + b[:, None])) % PRIME
    return values.min(axis=1, initial=PRIME)


# %% wrong="modulo a power of two" of="minhash_signature" check="the smallest number of each numbering" says="mod PRIME"
def minhash_signature(hashes, a, b):
    values = (a[:, None] * hashes + b[:, None]) % 2**31
    return values.min(axis=1, initial=PRIME)


# %% wrong="the hash with the smallest number" of="minhash_signature" check="the smallest number of each numbering" says="the minimum of (a_i x + b_i)"
def minhash_signature(hashes, a, b):
    values = (a[:, None] * hashes + b[:, None]) % PRIME
    return hashes[values.argmin(axis=1)]


# %% wrong="no initial value" of="minhash_signature" check="nothing to number, and nothing spoiled" says="raised ValueError"
def minhash_signature(hashes, a, b):
    values = (a[:, None] * hashes + b[:, None]) % PRIME
    return values.min(axis=1)


# %% wrong="zeros for nothing" of="minhash_signature" check="nothing to number, and nothing spoiled" says="without hashes: PRIME"
def minhash_signature(hashes, a, b):
    values = (a[:, None] * hashes + b[:, None]) % PRIME
    return values.min(axis=1) if len(hashes) else np.zeros(len(a), dtype=np.int64)


# %% wrong="sorted in place" of="minhash_signature" check="nothing to number, and nothing spoiled" says="changed in place"
def minhash_signature(hashes, a, b):
    hashes.sort()
    values = (a[:, None] * hashes + b[:, None]) % PRIME
    return values.min(axis=1, initial=PRIME)


# %% wrong="one function too few" of="minhash_signature" check="the smallest number of each numbering" says="expected shape (4,)"
def minhash_signature(hashes, a, b):
    a, b = a[1:], b[1:]
    values = (a[:, None] * hashes + b[:, None]) % PRIME
    return values.min(axis=1, initial=PRIME)


# %% wrong="a list of numbers" of="minhash_signature" check="the smallest number of each numbering" says="numpy.ndarray"
def minhash_signature(hashes, a, b):
    return [min([(int(i) * int(x) + int(j)) % PRIME for x in hashes], default=PRIME) for i, j in zip(a, b, strict=True)]


# %% right="function by function" of="minhash_signature"
def minhash_signature(hashes, a, b):
    signature = np.full(len(a), PRIME, dtype=np.int64)
    for i in range(len(a)):
        if len(hashes):
            signature[i] = ((a[i] * hashes + b[i]) % PRIME).min()
    return signature


# %% right="hash by hash" of="minhash_signature"
def minhash_signature(hashes, a, b):
    signature = np.full_like(a, PRIME)
    for x in hashes:
        signature = np.minimum(signature, (a * x + b) % PRIME)
    return signature


# %% right="the table the other way round, by outer" of="minhash_signature"
def minhash_signature(hashes, a, b):
    table = np.mod(np.outer(hashes, a) + b, PRIME)
    return np.vstack([table, np.full(len(a), PRIME)]).min(0)


# %% right="with PyTorch inside" of="minhash_signature"
def minhash_signature(hashes, a, b):
    x, a, b = torch.from_numpy(hashes), torch.from_numpy(a), torch.from_numpy(b)
    table = torch.cat([(a[:, None] * x + b[:, None]) % PRIME, torch.full((len(a), 1), PRIME)], dim=1)
    return table.amin(1).numpy()


# %% wrong="one dict for all bands" of="candidate_pairs" check="agreement in one whole band" says="do not meet"
def candidate_pairs(signatures, bands):
    pairs, buckets = set(), defaultdict(list)
    for band in np.split(signatures, bands, axis=1):
        for i, row in enumerate(band):
            buckets[row.tobytes()].append(i)
    for members in buckets.values():
        pairs.update((i, j) for i in members for j in members if i < j)
    return pairs


# %% wrong="the sum of a band as its key" of="candidate_pairs" check="agreement in one whole band" says="agree"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in np.split(signatures, bands, axis=1):
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[int(row.sum())].append(i)
        for members in buckets.values():
            pairs.update((i, j) for at, i in enumerate(members) for j in members[at + 1 :])
    return pairs


# %% wrong="a band as a set" of="candidate_pairs" check="agreement in one whole band" says="the order within a band counts"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in np.split(signatures, bands, axis=1):
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[frozenset(row.tolist())].append(i)
        for members in buckets.values():
            pairs.update((i, j) for at, i in enumerate(members) for j in members[at + 1 :])
    return pairs


# %% wrong="the first number of a band" of="candidate_pairs" check="agreement in one whole band" says="one number of a band is not enough"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in np.split(signatures, bands, axis=1):
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[int(row[0])].append(i)
        for members in buckets.values():
            pairs.update((i, j) for at, i in enumerate(members) for j in members[at + 1 :])
    return pairs


# %% wrong="columns dealt out in turn" of="candidate_pairs" check="agreement in one whole band" says="agree"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in (signatures[:, start::bands] for start in range(bands)):
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[row.tobytes()].append(i)
        for members in buckets.values():
            pairs.update((i, j) for at, i in enumerate(members) for j in members[at + 1 :])
    return pairs


# %% wrong="bands of so many numbers" of="candidate_pairs" check="agreement in one whole band" says="4 bands of 3"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in np.split(signatures, signatures.shape[1] // bands, axis=1):
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[row.tobytes()].append(i)
        for members in buckets.values():
            pairs.update((i, j) for at, i in enumerate(members) for j in members[at + 1 :])
    return pairs


# %% wrong="neighbours in a bucket only" of="candidate_pairs" check="agreement in one whole band" says="three pairs"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in np.split(signatures, bands, axis=1):
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[row.tobytes()].append(i)
        for members in buckets.values():
            pairs.update((i, j) for at, i in enumerate(members) for j in members[at + 1 : at + 2])
    return pairs


# %% wrong="both ways round" of="candidate_pairs" check="agreement in one whole band" says="expected 2 items, got 4"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in np.split(signatures, bands, axis=1):
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[row.tobytes()].append(i)
        for members in buckets.values():
            pairs.update((i, j) for i in members for j in members if i != j)
    return pairs


# %% wrong="the larger first" of="candidate_pairs" check="agreement in one whole band" says="agree"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in np.split(signatures, bands, axis=1):
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[row.tobytes()].append(i)
        for members in buckets.values():
            pairs.update((j, i) for at, i in enumerate(members) for j in members[at + 1 :])
    return pairs


# %% wrong="a document with itself" of="candidate_pairs" check="agreement in one whole band" says="agree"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in np.split(signatures, bands, axis=1):
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[row.tobytes()].append(i)
        for members in buckets.values():
            pairs.update((i, j) for at, i in enumerate(members) for j in members[at:])
    return pairs


# %% wrong="agreement in all bands" of="candidate_pairs" check="agreement in one whole band" says="one number of a band is not enough"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in [signatures]:
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[row.tobytes()].append(i)
        for members in buckets.values():
            pairs.update((i, j) for at, i in enumerate(members) for j in members[at + 1 :])
    return pairs


# %% wrong="the last band forgotten" of="candidate_pairs" check="agreement in one whole band" says="0 and 2 in the second"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in np.split(signatures, bands, axis=1)[: max(1, bands - 1)]:
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[row.tobytes()].append(i)
        for members in buckets.values():
            pairs.update((i, j) for at, i in enumerate(members) for j in members[at + 1 :])
    return pairs


# %% wrong="a list" of="candidate_pairs" check="agreement in one whole band" says="each pair once"
def candidate_pairs(signatures, bands):
    pairs = []
    for band in np.split(signatures, bands, axis=1):
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[row.tobytes()].append(i)
        for members in buckets.values():
            pairs.extend((i, j) for at, i in enumerate(members) for j in members[at + 1 :])
    return pairs


# %% wrong="the digits run together" of="candidate_pairs" check="agreement in one whole band" says="are not a key"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in np.split(signatures, bands, axis=1):
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets["".join(map(str, row.tolist()))].append(i)
        for members in buckets.values():
            pairs.update((i, j) for at, i in enumerate(members) for j in members[at + 1 :])
    return pairs


# %% wrong="all with all" of="candidate_pairs" check="without going through all pairs" says="took too long"
def candidate_pairs(signatures, bands):
    pairs = set()
    rows = [[tuple(band) for band in np.split(row, bands)] for row in signatures]
    for i in range(len(rows)):
        for j in range(i + 1, len(rows)):
            if any(one == other for one, other in zip(rows[i], rows[j], strict=True)):
                pairs.add((i, j))
    return pairs


# %% wrong="the last byte of each number" of="candidate_pairs" check="agreement in one whole band" says="not their last byte"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in np.split(signatures, bands, axis=1):
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            key = row.astype(np.uint8).tobytes()
            pairs |= {(j, i) for j in buckets[key]}
            buckets[key].append(i)
    return pairs


# %% right="tuples as keys, with the band's number, and combinations" of="candidate_pairs"
def candidate_pairs(signatures, bands):
    from itertools import combinations
    buckets = defaultdict(list)
    rows = signatures.shape[1] // bands
    for i, signature in enumerate(signatures.tolist()):
        for band in range(bands):
            buckets[band, tuple(signature[band * rows : (band + 1) * rows])].append(i)
    return {pair for members in buckets.values() for pair in combinations(members, 2)}


# %% right="pairs on the way" of="candidate_pairs"
def candidate_pairs(signatures, bands):
    found = set()
    cut = signatures.reshape(len(signatures), bands, -1)
    for band in range(bands):
        earlier = {}
        for j in range(len(cut)):
            mates = earlier.setdefault(tuple(cut[j, band]), [])
            found |= {(i, j) for i in mates}
            mates.append(j)
    return found


# %% right="by np.unique" of="candidate_pairs"
def candidate_pairs(signatures, bands):
    pairs = set()
    for band in np.split(signatures, bands, axis=1):
        _, bucket = np.unique(band, axis=0, return_inverse=True)
        bucket = bucket.ravel()
        order = np.argsort(bucket, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(bucket[order])) + 1):
            for at, i in enumerate(members.tolist()):
                for j in members[at + 1 :].tolist():
                    pairs.add((i, j))
    return pairs


# %% wrong="the second of each pair is dropped" of="deduplicate" check="the first of every group" says="connected by 2"
def deduplicate(count, pairs):
    dropped = {max(pair) for pair in pairs}
    return [i for i in range(count) if i not in dropped]


# %% wrong="the second of each pair as it is written" of="deduplicate" check="the first of every group" says="connected by 2"
def deduplicate(count, pairs):
    dropped = {j for i, j in pairs}
    return [i for i in range(count) if i not in dropped]


# %% wrong="only documents in pairs" of="deduplicate" check="the first of every group" says="all that are in no pair"
def deduplicate(count, pairs):
    pairs = list(pairs)
    parent = {i: i for pair in pairs for i in pair}
    for i, j in pairs:
        while parent[i] != i:
            i = parent[i]
        while parent[j] != j:
            j = parent[j]
        parent[max(i, j)] = min(i, j)
    return sorted(i for i in parent if parent[i] == i)


# %% wrong="parents instead of roots" of="deduplicate" check="the first of every group" says="connected by 2"
def deduplicate(count, pairs):
    parent = list(range(count))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs:
        first, second = sorted((i, j))
        parent[second] = first
    return [i for i in range(count) if parent[i] == i]


# %% wrong="one root, one document" of="deduplicate" check="the first of every group" says="connected by 2"
def deduplicate(count, pairs):
    parent = list(range(count))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs:
        first, second = sorted((root(i), j))
        parent[second] = first
    return [i for i in range(count) if parent[i] == i]


# %% wrong="the last of each group" of="deduplicate" check="the first of every group" says="keep 1, and all that are in no pair"
def deduplicate(count, pairs):
    parent = list(range(count))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs:
        first, second = sorted((root(i), root(j)))
        parent[first] = second
    return [i for i in range(count) if parent[i] == i]


# %% wrong="the first of a pair becomes the parent" of="deduplicate" check="the first of every group" says="connected by 2"
def deduplicate(count, pairs):
    parent = list(range(count))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs:
        first, second = root(i), root(j)
        parent[second] = first
    return [i for i in range(count) if parent[i] == i]


# %% wrong="the parent of the parent" of="deduplicate" check="the first of every group" says="before joining"
def deduplicate(count, pairs):
    parent = list(range(count))

    def root(i):
        return parent[parent[i]]

    for i, j in pairs:
        first, second = sorted((root(i), root(j)))
        parent[second] = first
    return [i for i in range(count) if parent[i] == i]


# %% wrong="by recursion" of="deduplicate" check="long chains" says="RecursionError"
def deduplicate(count, pairs):
    parent = list(range(count))

    def root(i):
        return i if parent[i] == i else root(parent[i])

    for i, j in pairs:
        first, second = sorted((root(i), root(j)))
        parent[second] = first
    return [i for i in range(count) if parent[i] == i]


# %% wrong="pairs read twice" of="deduplicate" check="the first of every group" says="read once"
def deduplicate(count, pairs):
    parent = list(range(count))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    list(pairs)
    for i, j in pairs:
        first, second = sorted((root(i), root(j)))
        parent[second] = first
    return [i for i in range(count) if parent[i] == i]


# %% wrong="a set" of="deduplicate" check="the first of every group" says="expected a list"
def deduplicate(count, pairs):
    parent = list(range(count))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs:
        first, second = sorted((root(i), root(j)))
        parent[second] = first
    return {i for i in range(count) if parent[i] == i}


# %% wrong="what is thrown out" of="deduplicate" check="the first of every group" says="keep 1"
def deduplicate(count, pairs):
    parent = list(range(count))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs:
        first, second = sorted((root(i), root(j)))
        parent[second] = first
    return [i for i in range(count) if parent[i] != i]


# %% wrong="one look at each pair, with labels" of="deduplicate" check="the first of every group" says="groups grow together"
def deduplicate(count, pairs):
    label = list(range(count))
    for i, j in pairs:
        label[i] = label[j] = min(label[i], label[j])
    return [i for i in range(count) if label[i] == i]


# %% wrong="the graph searched by recursion" of="deduplicate" check="long chains" says="RecursionError"
def deduplicate(count, pairs):
    neighbours, seen = defaultdict(list), set()
    for i, j in pairs:
        neighbours[i].append(j)
        neighbours[j].append(i)

    def visit(i):
        seen.add(i)
        for j in neighbours[i]:
            if j not in seen:
                visit(j)

    kept = []
    for i in range(count):
        if i not in seen:
            kept.append(i)
            visit(i)
    return kept


# %% right="groups as sets, the smaller poured into the larger" of="deduplicate"
def deduplicate(count, pairs):
    group = {i: {i} for i in range(count)}
    for i, j in pairs:
        small, large = sorted((group[i], group[j]), key=len)
        if small is not large:
            large |= small
            for member in small:
                group[member] = large
    return [i for i in range(count) if min(group[i]) == i] if count < 1000 else sorted(
        min(members) for members in {id(members): members for members in group.values()}.values())


# %% right="breadth first" of="deduplicate"
def deduplicate(count, pairs):
    from collections import deque
    neighbours = [[] for _ in range(count)]
    for i, j in pairs:
        neighbours[i].append(j)
        neighbours[j].append(i)
    seen, kept = [False] * count, []
    for start in range(count):
        if seen[start]:
            continue
        kept.append(start)
        queue = deque([start])
        seen[start] = True
        while queue:
            for j in neighbours[queue.popleft()]:
                if not seen[j]:
                    seen[j] = True
                    queue.append(j)
    return kept


# %% right="union by rank, and the smallest remembered" of="deduplicate"
def deduplicate(count, pairs):
    parent, size, first = list(range(count)), [1] * count, list(range(count))

    def find(i):
        top = i
        while parent[top] != top:
            top = parent[top]
        while parent[i] != top:
            parent[i], i = top, parent[i]
        return top

    for i, j in pairs:
        i, j = find(i), find(j)
        if i == j:
            continue
        if size[i] < size[j]:
            i, j = j, i
        parent[j] = i
        size[i] += size[j]
        first[i] = min(first[i], first[j])
    return sorted({first[find(i)] for i in range(count)})


# %% wrong="Jaccard similarity" of="contamination" check="the share of an example" says="4 stretches of 3 words"
def contamination(documents, examples, n=13):
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [None if len(normalise(example)) < n else len(mine & found) / len(mine | found)
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="as a share of what the documents hold" of="contamination" check="the share of an example" says="c d e"
def contamination(documents, examples, n=13):
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [None if len(normalise(example)) < n else len(mine & found) / max(1, len(found))
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="yes or no" of="contamination" check="the share of an example" says="4 stretches"
def contamination(documents, examples, n=13):
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [None if len(normalise(example)) < n else float(bool(mine & found))
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="documents run together" of="contamination" check="the share of an example" says="from one document into the next"
def contamination(documents, examples, n=13):
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    found = wanted & shingles(" ".join(documents), n)
    return [None if len(normalise(example)) < n else len(mine & found) / len(mine)
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="documents gone through for each example" of="contamination" check="the share of an example" says="can be read once only"
def contamination(documents, examples, n=13):
    shares = []
    for example in examples:
        mine, found = shingles(example, n), set()
        for document in documents:
            found |= mine & shingles(document, n)
        shares.append(None if len(normalise(example)) < n else len(found) / len(mine))
    return shares


# %% wrong="the best single document" of="contamination" check="the share of an example" says="stretches do not reach"
def contamination(documents, examples, n=13):
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found = max(found, wanted & shingles(document, n), key=len)
    return [None if len(normalise(example)) < n else len(mine & found) / len(mine)
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="every stretch counted, not the different ones" of="contamination" check="the share of an example" says="two different stretches"
def contamination(documents, examples, n=13):
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [None if len(normalise(example)) < n else sum(" ".join(normalise(example)[i : i + n]) in found for i in range(len(normalise(example)) - n + 1)) / (len(normalise(example)) - n + 1)
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="five words whatever is asked" of="contamination" check="the share of an example" says="expected"
def contamination(documents, examples, n=13):
    n = 5
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [None if len(normalise(example)) < n else len(mine & found) / len(mine)
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="another default" of="contamination" check="the share of an example" says="n is 13 by default"
def contamination(documents, examples, n=8):
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [None if len(normalise(example)) < n else len(mine & found) / len(mine)
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="stretches looked for in the letters of a document" of="contamination" check="the share of an example" says="whole words"
def contamination(documents, examples, n=13):
    stretches = [shingles(example, n) if len(normalise(example)) >= n else None for example in examples]
    wanted = set().union(*(own for own in stretches if own))
    found = set()
    for document in documents:
        text = " ".join(normalise(document))
        found |= {stretch for stretch in wanted if stretch in text}
    return [None if own is None else len(own & found) / len(own) for own in stretches]


# %% wrong="short ones are clean" of="contamination" check="too short to be judged" says="neither 0 nor 1"
def contamination(documents, examples, n=13):
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [0.0 if len(normalise(example)) < n else len(mine & found) / len(mine)
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="short ones are looked for as they are" of="contamination" check="too short to be judged" says="neither 0 nor 1"
def contamination(documents, examples, n=13):
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [len(mine & found) / len(mine) if mine else None
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="length by white space" of="contamination" check="too short to be judged" says="punctuation is no word"
def contamination(documents, examples, n=13):
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [None if len(example.split()) < n else len(mine & found) / len(mine)
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="n words are too short" of="contamination" check="too short to be judged" says="None"
def contamination(documents, examples, n=13):
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [None if len(normalise(example)) <= n else len(mine & found) / len(mine)
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="short ones left out" of="contamination" check="too short to be judged" says="expected 4 items, got 2"
def contamination(documents, examples, n=13):
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [len(mine & found) / len(mine)
            for example, mine in zip(examples, grams, strict=True) if len(normalise(example)) >= n]


# %% wrong="case matters" of="contamination" check="the share of an example" says="4 stretches"
def contamination(documents, examples, n=13):
    grams = [{" ".join(example.split()[i : i + n]) for i in range(len(example.split()))} for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [None if len(normalise(example)) < n else len(mine & found) / len(mine)
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="all stretches of the documents kept" of="contamination" check="a training text larger than memory" says="memory grows"
def contamination(documents, examples, n=13):
    grams = [shingles(example, n) for example in examples]
    found = set()
    for document in documents:
        found |= shingles(document, n)
    return [None if len(normalise(example)) < n else len(mine & found) / len(mine)
            for example, mine in zip(examples, grams, strict=True)]


# %% wrong="all documents kept" of="contamination" check="a training text larger than memory" says="memory grows"
def contamination(documents, examples, n=13):
    documents = list(documents)
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [None if len(normalise(example)) < n else len(mine & found) / len(mine)
            for example, mine in zip(examples, grams, strict=True)]


# %% right="tuples of words, looked up one by one" of="contamination"
def contamination(documents, examples, n=13):
    mine = []
    for example in examples:
        words = normalise(example)
        mine.append({tuple(words[i : i + n]) for i in range(len(words) - n + 1)})
    seen = dict.fromkeys(set().union(*mine), 0)
    for document in documents:
        words = normalise(document)
        for i in range(len(words) - n + 1):
            gram = tuple(words[i : i + n])
            if gram in seen:
                seen[gram] += 1
    return [sum(seen[gram] > 0 for gram in grams) / len(grams) if grams else None for grams in mine]


# %% right="an index from stretches to examples" of="contamination"
def contamination(documents, examples, n=13):
    owners, sizes = defaultdict(set), []
    for number, example in enumerate(examples):
        mine = shingles(example, n) if len(normalise(example)) >= n else set()
        sizes.append(len(mine))
        for gram in mine:
            owners[gram].add(number)
    hits = [set() for _ in examples]
    for document in documents:
        for gram in shingles(document, n):
            for number in owners.get(gram, ()):
                hits[number].add(gram)
    return [len(hit) / size if size else None for hit, size in zip(hits, sizes, strict=True)]


# %% right="what is left over" of="contamination"
def contamination(documents, examples, n=13):
    left = {number: shingles(text, n) for number, text in enumerate(examples) if len(normalise(text)) >= n}
    total = {number: len(grams) for number, grams in left.items()}
    for document in documents:
        grams = shingles(document, n)
        for number in left:
            left[number] -= grams
    return [1 - len(left[number]) / total[number] if number in left else None for number in range(len(examples))]


# %% wrong="no ends" of="pack_sequences" check="no token lost, none twice" says="a 9 after each document"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in document]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="ends before the documents" of="pack_sequences" check="no token lost, none twice" says="a 9 after each document"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (end_id, *document)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="an end between documents only" of="pack_sequences" check="no token lost, none twice" says="none is padding"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat = flat[:-1]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="the incomplete row dropped" of="pack_sequences" check="no token lost, none twice" says="expected shape (2, 5), got (1, 5)"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat = flat[: len(flat) // length * length]
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="always some padding" of="pack_sequences" check="no token lost, none twice" says="none is padding"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (length - len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="padded with ends" of="pack_sequences" check="no token lost, none twice" says="filled up with pad_id"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(end_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="a row for each document" of="pack_sequences" check="no token lost, none twice" says="none is padding"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat = []
    for number, document in enumerate(documents):
        flat += [(token, number) for token in (*document, end_id)]
        flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="padding belongs to the last document" of="pack_sequences" check="whose token is it" says="padding is −1"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, len(documents) - 1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="numbered from one" of="pack_sequences" check="whose token is it" says="0, 1, 2"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents, 1) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="ends belong to nobody" of="pack_sequences" check="whose token is it" says="an end belongs to the document before it"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [pair for number, document in enumerate(documents) for pair in [*((token, number) for token in document), (end_id, -1)]]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="numbers by counting ends" of="pack_sequences" check="whose token is it" says="from where a token was"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    ends = tokens.flatten() == end_id
    numbers = torch.where(numbers < 0, -1, (ends.cumsum(0) - ends.long()).view_as(numbers))
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="padding found by its token" of="pack_sequences" check="whose token is it" says="even if it looks"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    numbers = torch.where(tokens == pad_id, -1, numbers)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="numbers start anew in each row" of="pack_sequences" check="whose token is it" says="0, 1, 2"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    numbers = torch.where(numbers < 0, -1, numbers - numbers[:, :1])
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="targets across documents" of="pack_sequences" check="targets stay in their document" says="−100 for an end"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(numbers[:, 1:] >= 0, tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="the end is not learnt" of="pack_sequences" check="targets stay in their document" says="which has to be learnt"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0) & (tokens[:, 1:] != end_id), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="targets by the tokens" of="pack_sequences" check="targets stay in their document" says="look like end_id or pad_id"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where((tokens[:, :-1] != end_id) & (tokens[:, 1:] != pad_id), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="padding learns padding" of="pack_sequences" check="targets stay in their document" says="and for padding"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same, tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="targets are the tokens themselves" of="pack_sequences" check="targets stay in their document" says="the next token"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, :-1], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="the last place looks into the next row" of="pack_sequences" check="targets stay in their document" says="the last place of a row"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    targets[:-1, -1] = torch.where(numbers[:-1, -1] == numbers[1:, 0], tokens[1:, 0], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="zero for no target" of="pack_sequences" check="targets stay in their document" says="−100"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.zeros_like(tokens)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], 0)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="positions along the row" of="pack_sequences" check="positions start again" says="from 0 at each document"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns.repeat(len(tokens), 1))


# %% wrong="positions go on over rows" of="pack_sequences" check="positions start again" says="no position of T or more"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    places = torch.cat([torch.arange(len(d) + 1) for d in documents] + [torch.arange(length)])
    return Packed(tokens, targets, numbers, places[: tokens.numel()].view_as(tokens))


# %% wrong="positions from one" of="pack_sequences" check="positions start again" says="from 0"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values + 1)


# %% wrong="only the beginnings" of="pack_sequences" check="positions start again" says="from 0"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins)


# %% wrong="all padding at zero" of="pack_sequences" check="positions start again" says="like a document of its own"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, (columns - begins.cummax(dim=1).values) * (numbers >= 0))


# %% wrong="in int32" of="pack_sequences" check="no token lost, none twice" says="int64"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat, dtype=torch.int32).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% wrong="numbers and positions in int32" of="pack_sequences" check="no token lost, none twice" says="all four tensors"
def pack_sequences(documents, length, end_id, pad_id=0):
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers.int(), (columns - begins.cummax(dim=1).values).int())


# %% wrong="ends written into the documents" of="pack_sequences" check="no token lost, none twice" says="documents was changed"
def pack_sequences(documents, length, end_id, pad_id=0):
    for document in documents:
        document.append(end_id)
    flat = [(token, number) for number, document in enumerate(documents) for token in document]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)
    same = numbers[:, 1:] == numbers[:, :-1]
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)


# %% right="row by row, with lists" of="pack_sequences"
def pack_sequences(documents, length, end_id, pad_id=0):
    ribbon = []
    for number, document in enumerate(documents):
        ribbon += [(token, number) for token in document] + [(end_id, number)]
    while len(ribbon) % length:
        ribbon.append((pad_id, -1))
    parts = [[], [], [], []]
    for start in range(0, len(ribbon), length):
        row = ribbon[start : start + length]
        place = 0
        for column, (token, number) in enumerate(row):
            place = place + 1 if column and row[column - 1][1] == number else 0
            last = column + 1 == length or row[column + 1][1] != number or number < 0
            for part, value in zip(parts, (token, -100 if last else row[column + 1][0], number, place), strict=True):
                part.append(value)
    return Packed(*(torch.tensor(part).view(-1, length) for part in parts))


# %% right="filled into tensors" of="pack_sequences"
def pack_sequences(documents, length, end_id, pad_id=0):
    sizes = torch.tensor([len(document) + 1 for document in documents])
    total = int(sizes.sum())
    rows = (total + length - 1) // length
    tokens = torch.full((rows * length,), pad_id)
    numbers = torch.full((rows * length,), -1)
    tokens[:total] = torch.tensor([token for document in documents for token in [*document, end_id]])
    numbers[:total] = torch.repeat_interleave(torch.arange(len(documents)), sizes)
    tokens, numbers = tokens.reshape(rows, length), numbers.reshape(rows, length)
    targets = F.pad(tokens[:, 1:], (0, 1), value=-100)
    stranger = F.pad(numbers[:, 1:], (0, 1), value=-1) != numbers
    targets = targets.masked_fill(stranger | (numbers < 0), -100)
    before = (numbers[:, :, None] == numbers[:, None, :]).tril(-1)
    return Packed(tokens, targets, numbers, before.sum(-1))


# %% right="with NumPy" of="pack_sequences"
def pack_sequences(documents, length, end_id, pad_id=0):
    ids = np.concatenate([np.array([*document, end_id], dtype=np.int64) for document in documents])
    owner = np.concatenate([np.full(len(document) + 1, i) for i, document in enumerate(documents)])
    missing = -len(ids) % length
    ids = np.pad(ids, (0, missing), constant_values=pad_id).reshape(-1, length)
    owner = np.pad(owner, (0, missing), constant_values=-1).reshape(-1, length)
    goal, place = np.full_like(ids, -100), np.zeros_like(ids)
    for t in range(1, length):
        same = owner[:, t] == owner[:, t - 1]
        goal[:, t - 1] = np.where(same & (owner[:, t] != -1), ids[:, t], -100)
        place[:, t] = np.where(same, place[:, t - 1] + 1, 0)
    return Packed(*map(torch.from_numpy, (ids, goal, owner, place)))


# %% wrong="not causal" of="document_mask" check="the same document, and not later" says="a triangle for each document"
def document_mask(documents):
    return (documents[:, :, None] == documents[:, None, :])


# %% wrong="the future, not the past" of="document_mask" check="the same document, and not later" says="rows are queries"
def document_mask(documents):
    return (documents[:, :, None] == documents[:, None, :]).triu()


# %% wrong="without itself" of="document_mask" check="the same document, and not later" says="a triangle for each document"
def document_mask(documents):
    return (documents[:, :, None] == documents[:, None, :]).tril(-1)


# %% wrong="causal only" of="document_mask" check="the same document, and not later" says="a triangle for each document"
def document_mask(documents):
    T = documents.shape[1]
    return torch.ones(len(documents), T, T, dtype=torch.bool).tril()


# %% wrong="one mask for all rows" of="document_mask" check="the same document, and not later" says="a mask of its own"
def document_mask(documents):
    first = documents[0]
    return (first[:, None] == first[None, :]).tril().expand(len(documents), -1, -1)


# %% wrong="without the batch" of="document_mask" check="the same document, and not later" says="expected shape (1, 5, 5)"
def document_mask(documents):
    return (documents[0, :, None] == documents[0, None, :]).tril()


# %% wrong="padding sees nothing" of="document_mask" check="the same document, and not later" says="padding sees padding"
def document_mask(documents):
    return ((documents[:, :, None] == documents[:, None, :]) & (documents >= 0)[:, None, :]).tril()


# %% wrong="earlier documents too" of="document_mask" check="the same document, and not later" says="a triangle for each document"
def document_mask(documents):
    return (documents[:, :, None] >= documents[:, None, :]).tril()


# %% wrong="numbers of 0 and 1" of="document_mask" check="the same document, and not later" says="a triangle for each document"
def document_mask(documents):
    return (documents[:, :, None] == documents[:, None, :]).tril().float()


# %% wrong="what is forbidden" of="document_mask" check="the same document, and not later" says="a triangle for each document"
def document_mask(documents):
    return ~(documents[:, :, None] == documents[:, None, :]).tril()


# %% wrong="only the neighbour's document" of="document_mask" check="the same document, and not later" says="a mask of its own"
def document_mask(documents):
    return (documents[:, :, None] == documents[:, None, :]).tril().triu(-1)


# %% wrong="rows of the batch confused" of="document_mask" check="the same document, and not later" says="expected shape"
def document_mask(documents):
    return (documents.flatten()[:, None] == documents.flatten()[None, :]).tril()


# %% right="with a causal mask" of="document_mask"
def document_mask(documents):
    T = documents.shape[-1]
    place = torch.arange(T, device=documents.device)
    return (documents.unsqueeze(2) == documents.unsqueeze(1)) & (place[:, None] >= place)


# %% right="row by row" of="document_mask"
def document_mask(documents):
    masks = []
    for row in documents:
        masks.append(torch.tril(row.view(-1, 1).eq(row.view(1, -1))))
    return torch.stack(masks)


# %% right="place by place" of="document_mask"
def document_mask(documents):
    B, T = documents.shape
    mask = torch.zeros(B, T, T, dtype=torch.bool)
    for t in range(T):
        for s in range(t + 1):
            mask[:, t, s] = documents[:, t] == documents[:, s]
    return mask


# %% equivalent="9011da4a" of="deduplicate" because="a number more, which no pair names and no one asks for"


# %% equivalent="72137932" of="deduplicate" because="ways to the root stay longer, and lead to the same root"


# %% equivalent="0024504a" of="deduplicate" because="sorted afterwards"


# %% equivalent="074ae90f" of="contamination" because="both lists have one entry for each example"


# %% equivalent="e87ea3d7" of="contamination" because="both lists have one entry for each example"


# %% equivalent="56ec1644" of="pack_sequences" because="tokens and numbers have the same shape and dtype"


# %% equivalent="f0ccf1b2" of="pack_sequences" because="tokens and numbers have the same number of rows"


# %% equivalent="5fefdb9c" of="quality_filter" because="the order of the alternatives does not matter"


# %% equivalent="93fd188e" of="quality_filter" because="the order of the alternatives does not matter"


# %% equivalent="eccb7e62" of="quality_filter" because="the order of the alternatives does not matter"
