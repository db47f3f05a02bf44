# %% wrong="the last token of the history alone" of="ngram_probability" check="as a share" says="Look up the whole history"
def ngram_probability(counts, history, token, alpha, vocab_size):
    followers = counts.get(history[-1:], Counter())
    return (followers[token] + alpha) / (followers.total() + alpha * vocab_size)


# %% wrong="nothing added below the line" of="ngram_probability" check="as a share" says="With 1 added to each of 5"
def ngram_probability(counts, history, token, alpha, vocab_size):
    followers = counts.get(history, Counter())
    return (followers[token] + alpha) / (followers.total() + 1e-9)


# %% wrong="alpha added once below the line" of="ngram_probability" check="as a share" says="3 out of 9"
def ngram_probability(counts, history, token, alpha, vocab_size):
    followers = counts.get(history, Counter())
    return (followers[token] + alpha) / (followers.total() + alpha)


# %% wrong="alpha times the followers seen" of="ngram_probability" check="as a share" says="3 out of 9"
def ngram_probability(counts, history, token, alpha, vocab_size):
    followers = counts.get(history, Counter())
    return (followers[token] + alpha) / (followers.total() + alpha * max(len(followers), 1))


# %% wrong="always one is added" of="ngram_probability" check="as a share" says="2 + alpha above"
def ngram_probability(counts, history, token, alpha, vocab_size):
    followers = counts.get(history, Counter())
    return (followers[token] + 1) / (followers.total() + vocab_size)


# %% wrong="not smoothed" of="ngram_probability" check="never seen" says="alpha alone stands above the line"
def ngram_probability(counts, history, token, alpha, vocab_size):
    followers = counts.get(history, Counter())
    return followers[token] / max(followers.total(), 1)


# %% wrong="a share of the whole text" of="ngram_probability" check="as a share" says="3 out of 9"
def ngram_probability(counts, history, token, alpha, vocab_size):
    followers = counts.get(history, Counter())
    return (followers[token] + alpha) / (counts[""].total() + alpha * vocab_size)


# %% wrong="no answer for a history never seen" of="ngram_probability" check="never seen" says="your code raised KeyError"
def ngram_probability(counts, history, token, alpha, vocab_size):
    followers = counts[history]
    return (followers[token] + alpha) / (followers.total() + alpha * vocab_size)


# %% wrong="0 for a history never seen" of="ngram_probability" check="never seen" says="each of the 5 gets the same"
def ngram_probability(counts, history, token, alpha, vocab_size):
    if history not in counts:
        return 0.0
    followers = counts[history]
    return (followers[token] + alpha) / (followers.total() + alpha * vocab_size)


# %% wrong="a history is added to the counts" of="ngram_probability" check="never seen" says="counts has a new history"
def ngram_probability(counts, history, token, alpha, vocab_size):
    followers = counts.setdefault(history, Counter())
    return (followers[token] + alpha) / (followers.total() + alpha * vocab_size)


# %% wrong="alpha is written into the counts" of="ngram_probability" check="never seen" says="counts themselves were changed"
def ngram_probability(counts, history, token, alpha, vocab_size):
    followers = counts.get(history, Counter())
    before = followers[token], followers.total()
    if history:
        followers[token] += 0
    return (before[0] + alpha) / (before[1] + alpha * vocab_size)


# %% right="sums by hand" of="ngram_probability"
def ngram_probability(counts, history, token, alpha, vocab_size):
    followers = counts.get(history, {})
    return (followers.get(token, 0) + alpha) / (sum(followers.values()) + alpha * vocab_size)


# %% right="counts and uniform mixed" of="ngram_probability"
def ngram_probability(counts, history, token, alpha, vocab_size):
    if history not in counts:
        return 1 / vocab_size
    seen = counts[history].total()
    trust = seen / (seen + alpha * vocab_size)
    return trust * counts[history][token] / seen + (1 - trust) / vocab_size


# %% right="an exception for what is missing, in NumPy" of="ngram_probability"
def ngram_probability(counts, history, token, alpha, vocab_size):
    try:
        followers = counts[history]
    except KeyError:
        followers = {}
    return np.float64(followers.get(token, 0) + alpha) / np.float64(sum(followers.values()) + alpha * vocab_size)


# %% wrong="a tensor" of="perplexity" check="equally likely" says="a Python number, not a tensor"
def perplexity(log_probs):
    return torch.exp(-torch.cat(log_probs).mean())


# %% wrong="minus forgotten" of="perplexity" check="equally likely" says="exp of minus the mean"
def perplexity(log_probs):
    return math.exp(torch.cat(log_probs).mean())


# %% wrong="cross-entropy, not its exponential" of="perplexity" check="equally likely" says="4 choices"
def perplexity(log_probs):
    return -torch.cat(log_probs).mean().item()


# %% wrong="a power of two" of="perplexity" check="equally likely" says="4 choices"
def perplexity(log_probs):
    return 2 ** -torch.cat(log_probs).mean().item()


# %% wrong="sum instead of mean" of="perplexity" check="equally likely" says="4 choices"
def perplexity(log_probs):
    return math.exp(-torch.cat(log_probs).sum())


# %% wrong="mean of the inverse probabilities" of="perplexity" check="equally likely" says="the mean of the logarithms"
def perplexity(log_probs):
    return torch.exp(-torch.cat(log_probs)).mean().item()


# %% wrong="inverse of the mean probability" of="perplexity" check="equally likely" says="the mean of the logarithms"
def perplexity(log_probs):
    return 1 / torch.cat(log_probs).exp().mean().item()


# %% wrong="mean of the pieces' perplexities" of="perplexity" check="every token" says="one number per piece"
def perplexity(log_probs):
    return sum(math.exp(-piece.mean()) for piece in log_probs) / len(log_probs)


# %% wrong="mean of the pieces' losses" of="perplexity" check="every token" says="Do not average one number per piece"
def perplexity(log_probs):
    return math.exp(-sum(piece.mean() for piece in log_probs) / len(log_probs))


# %% wrong="divided by the number of pieces" of="perplexity" check="every token" says="the mean over all four"
def perplexity(log_probs):
    return math.exp(-sum(piece.sum() for piece in log_probs) / max(len(log_probs), len(log_probs[0])))


# %% wrong="only the first piece" of="perplexity" check="every token" says="one token of 1/8 and three of 1/2"
def perplexity(log_probs):
    return math.exp(-log_probs[0].mean())


# %% wrong="stacked" of="perplexity" check="every token" says="your code raised RuntimeError"
def perplexity(log_probs):
    return math.exp(-torch.stack(log_probs).mean())


# %% right="sums and lengths" of="perplexity"
def perplexity(log_probs):
    total = sum(piece.sum().item() for piece in log_probs)
    return math.exp(-total / sum(len(piece) for piece in log_probs))


# %% right="a root of a product" of="perplexity"
def perplexity(log_probs):
    every = [p for piece in log_probs for p in piece.double().exp().tolist()]
    return math.prod(p ** (-1 / len(every)) for p in every)


# %% right="in NumPy" of="perplexity"
def perplexity(log_probs):
    return float(np.exp(-np.mean(np.concatenate([piece.numpy() for piece in log_probs]))))


# %% right="in bits and back" of="perplexity"
def perplexity(log_probs):
    bits = -torch.cat(log_probs).double().mean() / math.log(2)
    return (2**bits).item()


# %% wrong="the empty history is only an empty text" of="interpolated_probability" check="counts mixed" says="RecursionError"
def interpolated_probability(counts, history, token, vocab_size):
    shorter = interpolated_probability(counts, history[1:], token, vocab_size) if history != "" else 1 / vocab_size
    followers = counts.get(history, Counter())
    if not followers:
        return shorter
    return (followers[token] + len(followers) * shorter) / (followers.total() + len(followers))


# %% wrong="no uniform distribution at the bottom" of="interpolated_probability" check="the empty history" says="(5 + 5 · 1/5) / (11 + 5)"
def interpolated_probability(counts, history, token, vocab_size):
    followers = counts.get(history, Counter())
    if not history:
        return followers[token] / followers.total()
    shorter = interpolated_probability(counts, history[1:], token, vocab_size)
    if not followers:
        return shorter
    return (followers[token] + len(followers) * shorter) / (followers.total() + len(followers))


# %% wrong="the uniform distribution for the empty history" of="interpolated_probability" check="the empty history" says="11 characters"
def interpolated_probability(counts, history, token, vocab_size):
    if not history:
        return 1 / vocab_size
    shorter = interpolated_probability(counts, history[1:], token, vocab_size)
    followers = counts.get(history, Counter())
    if not followers:
        return shorter
    return (followers[token] + len(followers) * shorter) / (followers.total() + len(followers))


# %% wrong="V instead of T" of="interpolated_probability" check="the empty history" says="T is the number of different followers"
def interpolated_probability(counts, history, token, vocab_size):
    shorter = interpolated_probability(counts, history[1:], token, vocab_size) if history else 1 / vocab_size
    followers = counts.get(history, Counter())
    if not followers:
        return shorter
    return (followers[token] + vocab_size * shorter) / (followers.total() + vocab_size)


# %% wrong="the newest token dropped" of="interpolated_probability" check="counts mixed" says="drop the oldest, d"
def interpolated_probability(counts, history, token, vocab_size):
    shorter = interpolated_probability(counts, history[:-1], token, vocab_size) if history else 1 / vocab_size
    followers = counts.get(history, Counter())
    if not followers:
        return shorter
    return (followers[token] + len(followers) * shorter) / (followers.total() + len(followers))


# %% wrong="the shorter history not weighted" of="interpolated_probability" check="counts mixed" says="3/16) / (4 + 3)"
def interpolated_probability(counts, history, token, vocab_size):
    shorter = interpolated_probability(counts, history[1:], token, vocab_size) if history else 1 / vocab_size
    followers = counts.get(history, Counter())
    if not followers:
        return shorter
    return (followers[token] + shorter) / (followers.total() + len(followers))


# %% wrong="counts, and the shorter history only for what has none" of="interpolated_probability" check="counts mixed" says="behind a: 4 in all"
def interpolated_probability(counts, history, token, vocab_size):
    followers = counts.get(history, Counter())
    if followers[token]:
        return followers[token] / followers.total()
    return interpolated_probability(counts, history[1:], token, vocab_size) if history else 1 / vocab_size


# %% wrong="zero for a history never seen" of="interpolated_probability" check="never seen" says="its answer is that of a"
def interpolated_probability(counts, history, token, vocab_size):
    shorter = interpolated_probability(counts, history[1:], token, vocab_size) if history else 1 / vocab_size
    followers = counts.get(history, Counter())
    return (followers[token] + len(followers) * shorter) / max(followers.total() + len(followers), 1)


# %% wrong="divided by zero" of="interpolated_probability" check="never seen" says="your code raised ZeroDivisionError"
def interpolated_probability(counts, history, token, vocab_size):
    shorter = interpolated_probability(counts, history[1:], token, vocab_size) if history else 1 / vocab_size
    followers = counts.get(history, Counter())
    return (followers[token] + len(followers) * shorter) / (followers.total() + len(followers))


# %% wrong="uniform for a history never seen" of="interpolated_probability" check="never seen" says="its answer is that of a"
def interpolated_probability(counts, history, token, vocab_size):
    shorter = interpolated_probability(counts, history[1:], token, vocab_size) if history else 1 / vocab_size
    followers = counts.get(history, Counter())
    if not followers:
        return 1 / vocab_size
    return (followers[token] + len(followers) * shorter) / (followers.total() + len(followers))


# %% wrong="histories added to the counts" of="interpolated_probability" check="never seen" says="counts has grown"
def interpolated_probability(counts, history, token, vocab_size):
    shorter = interpolated_probability(counts, history[1:], token, vocab_size) if history else 1 / vocab_size
    followers = counts.setdefault(history, Counter())
    if not followers:
        return shorter
    return (followers[token] + len(followers) * shorter) / (followers.total() + len(followers))


# %% wrong="half and half" of="interpolated_probability" check="counts mixed" says="3 different. p(b) is 3/16"
def interpolated_probability(counts, history, token, vocab_size):
    shorter = interpolated_probability(counts, history[1:], token, vocab_size) if history else 1 / vocab_size
    followers = counts.get(history, Counter())
    if not followers or not history:
        return (followers[token] + len(followers) * shorter) / (followers.total() + len(followers)) if followers else shorter
    return 0.5 * followers[token] / followers.total() + 0.5 * shorter


# %% right="a loop from the shortest history to the longest" of="interpolated_probability"
def interpolated_probability(counts, history, token, vocab_size):
    p = 1 / vocab_size
    for start in range(len(history), -1, -1):
        followers = counts.get(history[start:], {})
        if followers:
            kinds = len(followers)
            p = (followers.get(token, 0) + kinds * p) / (sum(followers.values()) + kinds)
    return p


# %% right="a mixture with weights" of="interpolated_probability"
def interpolated_probability(counts, history, token, vocab_size):
    shorter = 1 / vocab_size
    if len(history) > 0:
        shorter = interpolated_probability(counts, history[1:], token, vocab_size)
    if history not in counts:
        return shorter
    seen, kinds = counts[history].total(), len(counts[history])
    new = kinds / (seen + kinds)
    return (1 - new) * counts[history][token] / seen + new * shorter


# %% right="exact fractions" of="interpolated_probability"
from fractions import Fraction


def exactly(counts, history, token, vocab_size):
    shorter = exactly(counts, history[1:], token, vocab_size) if history else Fraction(1, vocab_size)
    followers = counts.get(history, Counter())
    total = followers.total() + len(followers)
    return (followers[token] + len(followers) * shorter) / total if total else shorter


def interpolated_probability(counts, history, token, vocab_size):
    return float(exactly(counts, history, token, vocab_size))


# %% wrong="the last sum set to one, the others left" of="sample" check="both edges" says="divide all F by the last"
def sample(logits, u, temperature=1.0):
    cdf = torch.softmax(logits / temperature, dim=-1).cumsum(dim=-1)
    cdf[..., -1] = 1
    return (cdf <= u[..., None]).sum(dim=-1)


# %% wrong="a draw for each of a flat list" of="sample" check="the token into whose" says="a draw for each"
def sample(logits, u, temperature=1.0):
    cdf = torch.softmax(logits / temperature, dim=-1).cumsum(dim=-1)
    cdf = cdf / cdf[..., -1:]
    return (cdf.reshape(-1, logits.shape[-1]) <= u.reshape(-1, 1)).sum(dim=-1).view(u.shape if u.ndim < 2 else (-1,))


# %% wrong="the token before" of="sample" check="the token into whose" says="stretches from 0 to 0.2"
def sample(logits, u, temperature=1.0):
    cdf = torch.softmax(logits / temperature, dim=-1).cumsum(dim=-1)
    cdf = cdf / cdf[..., -1:]
    return (cdf <= u[..., None]).sum(dim=-1) - 1


# %% wrong="the likeliest" of="sample" check="the token into whose" says="0.1 falls into the first"
def sample(logits, u, temperature=1.0):
    return (logits / temperature).argmax(dim=-1)


# %% wrong="not cumulated" of="sample" check="the token into whose" says="stretches from 0 to 0.2"
def sample(logits, u, temperature=1.0):
    p = torch.softmax(logits / temperature, dim=-1)
    return (p <= u[..., None]).sum(dim=-1).clamp(max=logits.shape[-1] - 1)


# %% wrong="draws of its own" of="sample" check="the token into whose" says="0.1 falls into the first"
def sample(logits, u, temperature=1.0):
    p = torch.softmax(logits / temperature, dim=-1)
    return torch.multinomial(p.reshape(-1, p.shape[-1]), 1, generator=torch.Generator().manual_seed(0)).view(u.shape)


# %% wrong="logits instead of probabilities" of="sample" check="the token into whose" says="stretches from 0 to 0.2"
def sample(logits, u, temperature=1.0):
    cdf = (logits / temperature).cumsum(dim=-1)
    cdf = cdf / cdf[..., -1:]
    return (cdf <= u[..., None]).sum(dim=-1)


# %% wrong="temperature ignored" of="sample" check="temperature" says="at 0.5 the logits are 0, 2, 4 and 6"
def sample(logits, u, temperature=1.0):
    cdf = torch.softmax(logits, dim=-1).cumsum(dim=-1)
    cdf = cdf / cdf[..., -1:]
    return (cdf <= u[..., None]).sum(dim=-1)


# %% wrong="multiplied by the temperature" of="sample" check="temperature" says="Divide before the softmax"
def sample(logits, u, temperature=1.0):
    cdf = torch.softmax(logits * temperature, dim=-1).cumsum(dim=-1)
    cdf = cdf / cdf[..., -1:]
    return (cdf <= u[..., None]).sum(dim=-1)


# %% wrong="probabilities divided by the temperature" of="sample" check="temperature" says="Divide before the softmax"
def sample(logits, u, temperature=1.0):
    cdf = (torch.softmax(logits, dim=-1) / temperature).cumsum(dim=-1)
    cdf = cdf / cdf[..., -1:]
    return (cdf <= u[..., None]).sum(dim=-1)


# %% wrong="the edge belongs to the stretch before" of="sample" check="both edges" says="belongs to the next stretch"
def sample(logits, u, temperature=1.0):
    cdf = torch.softmax(logits / temperature, dim=-1).cumsum(dim=-1)
    cdf = cdf / cdf[..., -1:]
    return (cdf < u[..., None]).sum(dim=-1)


# %% wrong="the last sum not made one" of="sample" check="both edges" says="divide all F by the last"
def sample(logits, u, temperature=1.0):
    cdf = torch.softmax(logits / temperature, dim=-1).cumsum(dim=-1)
    return (cdf <= u[..., None]).sum(dim=-1)


# %% wrong="cut off at the last token" of="sample" check="both edges" says="a token of probability 0 was drawn"
def sample(logits, u, temperature=1.0):
    cdf = torch.softmax(logits / temperature, dim=-1).cumsum(dim=-1) * (1 - 2e-7)
    return (cdf <= u[..., None]).sum(dim=-1).clamp(max=logits.shape[-1] - 1)


# %% wrong="one u for all draws" of="sample" check="many draws" says="each draw needs its own u"
def sample(logits, u, temperature=1.0):
    cdf = torch.softmax(logits / temperature, dim=-1).cumsum(dim=-1)
    return (cdf / cdf[..., -1:] <= u.flatten()[0]).sum(dim=-1)


# %% wrong="floats" of="sample" check="the token into whose" says="expected dtype int64, got float32"
def sample(logits, u, temperature=1.0):
    cdf = torch.softmax(logits / temperature, dim=-1).cumsum(dim=-1)
    cdf = cdf / cdf[..., -1:]
    return (cdf <= u[..., None]).float().sum(dim=-1)


# %% right="searchsorted" of="sample"
def sample(logits, u, temperature=1.0):
    p = torch.softmax(logits.double() / temperature, dim=-1)
    cdf = p.cumsum(-1)
    return torch.searchsorted((cdf / cdf[..., -1:]).contiguous(), u.double()[..., None], right=True).squeeze(-1)


# %% right="the first stretch that ends above u" of="sample"
def sample(logits, u, temperature=1.0):
    p = F.softmax(logits / temperature, -1)
    cdf = p.cumsum(-1)
    above = cdf / cdf[..., -1:] > u.unsqueeze(-1)
    return above.int().argmax(dim=-1)


# %% right="one draw after the other, in Python" of="sample"
def sample(logits, u, temperature=1.0):
    rows, draws = logits.reshape(-1, logits.shape[-1]).double(), u.reshape(-1).tolist()
    found = []
    for row, chance in zip(rows, draws, strict=True):
        p = torch.softmax(row / temperature, dim=0)
        cdf = (p.cumsum(0) / p.cumsum(0)[-1]).tolist()
        found.append(next(i for i, upper in enumerate(cdf) if chance < upper))
    return torch.tensor(found).view(u.shape)


# %% wrong="not shifted" of="language_model_loss" check="next token" says="row t of the logits predicts token t + 1"
def language_model_loss(logits, ids, pad_id=0):
    return F.cross_entropy(logits.flatten(0, 1), ids.flatten(), ignore_index=pad_id)


# %% wrong="shifted the other way" of="language_model_loss" check="next token" says="logits without the last row"
def language_model_loss(logits, ids, pad_id=0):
    return F.cross_entropy(logits[:, 1:].flatten(0, 1), ids[:, :-1].flatten(), ignore_index=pad_id)


# %% wrong="shifted along the batch" of="language_model_loss" check="next token" says="row t of the logits"
def language_model_loss(logits, ids, pad_id=0):
    return F.cross_entropy(logits[:-1].flatten(0, 1), ids[1:].flatten(), ignore_index=pad_id)


# %% wrong="shifted after laying end to end" of="language_model_loss" check="next token" says="row t of the logits"
def language_model_loss(logits, ids, pad_id=0):
    return F.cross_entropy(logits.flatten(0, 1)[:-1], ids.flatten()[1:], ignore_index=pad_id)


# %% wrong="padding counted" of="language_model_loss" check="padding" says="7 targets are real"
def language_model_loss(logits, ids, pad_id=0):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


# %% wrong="divided by all targets" of="language_model_loss" check="padding" says="divide their sum by 7"
def language_model_loss(logits, ids, pad_id=0):
    losses = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad_id, reduction="none")
    return losses.mean()


# %% wrong="mean of the sequences' means" of="language_model_loss" check="padding" says="7 targets are real"
def language_model_loss(logits, ids, pad_id=0):
    pairs = zip(logits, ids, strict=True)
    return torch.stack([F.cross_entropy(row[:-1], target[1:], ignore_index=pad_id) for row, target in pairs]).mean()


# %% wrong="padding by what was read" of="language_model_loss" check="padding" says="7 targets are real"
def language_model_loss(logits, ids, pad_id=0):
    keep = ids[:, :-1] != pad_id
    return F.cross_entropy(logits[:, :-1][keep], ids[:, 1:][keep])


# %% wrong="padding is always 0" of="language_model_loss" check="padding" says="here the padding is 5"
def language_model_loss(logits, ids, pad_id=0):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), ignore_index=0)


# %% wrong="summed" of="language_model_loss" check="next token" says="expected"
def language_model_loss(logits, ids, pad_id=0):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad_id, reduction="sum")


# %% wrong="a number, without gradients" of="language_model_loss" check="next token" says="expected a torch.Tensor"
def language_model_loss(logits, ids, pad_id=0):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad_id).item()


# %% wrong="detached" of="language_model_loss" check="gradients" says="does not require grad"
def language_model_loss(logits, ids, pad_id=0):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad_id).detach()


# %% right="log-softmax, gathered, and a mask" of="language_model_loss"
def language_model_loss(logits, ids, pad_id=0):
    targets = ids[:, 1:]
    chosen = torch.log_softmax(logits[:, :-1], -1).gather(-1, targets[..., None]).squeeze(-1)
    keep = (targets != pad_id).float()
    return -(chosen * keep).sum() / keep.sum()


# %% right="classes on axis 1" of="language_model_loss"
def language_model_loss(logits, ids, pad_id=0):
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], ignore_index=pad_id)


# %% right="a loop over tokens" of="language_model_loss"
def language_model_loss(logits, ids, pad_id=0):
    losses = []
    for b in range(ids.shape[0]):
        for t in range(ids.shape[1] - 1):
            if ids[b, t + 1] != pad_id:
                losses.append(torch.logsumexp(logits[b, t], 0) - logits[b, t, ids[b, t + 1]])
    return torch.stack(losses).mean()


# %% right="real targets picked out" of="language_model_loss"
def language_model_loss(logits, ids, pad_id=0):
    keep = ids[:, 1:] != pad_id
    return nn.CrossEntropyLoss()(logits[:, :-1][keep], ids[:, 1:][keep])


# %% wrong="embedding transposed" of="NeuralBigram" check="one-hot" says="logits are head(row of the embedding)"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(d_model, vocab_size))
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, ids):
        return self.head(self.embedding.T[ids])


# %% wrong="a column of the table" of="NeuralBigram" check="one-hot" says="your code raised"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(vocab_size, d_model))
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, ids):
        return self.head(self.embedding[:, ids])


# %% wrong="the embedding returned" of="NeuralBigram" check="one-hot" says="expected shape (2, 5, 7), got (2, 5, 3)"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(vocab_size, d_model))
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, ids):
        return self.embedding[ids]


# %% wrong="softmax of the logits" of="NeuralBigram" check="one-hot" says="logits are head(row of the embedding)"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(vocab_size, d_model))
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, ids):
        return torch.softmax(self.head(self.embedding[ids]), dim=-1)


# %% wrong="no bias" of="NeuralBigram" check="one-hot" says="three parameters: embedding"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(vocab_size, d_model))
        self.head = nn.Linear(d_model, vocab_size, bias=False)

    def forward(self, ids):
        return self.head(self.embedding[ids])


# %% wrong="a tanh between" of="NeuralBigram" check="one-hot" says="row w of the table for the id w"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(vocab_size, d_model))
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, ids):
        return self.head(torch.tanh(self.embedding[ids]))


# %% wrong="not a parameter" of="NeuralBigram" check="one-hot" says="three parameters: embedding"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.embedding = torch.randn(vocab_size, d_model)
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, ids):
        return self.head(self.embedding[ids])


# %% wrong="the table detached" of="NeuralBigram" check="rows that were read" says="rows 2 and 5 were read"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(vocab_size, d_model))
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, ids):
        return self.head(self.embedding.data[ids])


# %% wrong="a start from zeros" of="NeuralBigram" check="at the start" says="start from normal random numbers"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.embedding = nn.Parameter(torch.zeros(vocab_size, d_model))
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, ids):
        return self.head(self.embedding[ids])


# %% wrong="super().__init__ forgotten" of="NeuralBigram" check="one-hot" says="before Module.__init__() call"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        self.embedding = nn.Parameter(torch.randn(vocab_size, d_model))
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, ids):
        return self.head(self.embedding[ids])


# %% wrong="the forbidden layer" of="NeuralBigram" check="one-hot" says="may not call torch.nn.Embedding"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        layer = nn.Embedding(vocab_size, d_model)
        self.embedding = layer.weight
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, ids):
        return self.head(self.embedding[ids])


# %% right="a product with one-hot vectors" of="NeuralBigram"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(vocab_size, d_model).normal_())
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, ids):
        one_hot = F.one_hot(ids, self.embedding.shape[0]).to(self.embedding.dtype)
        return self.head(one_hot @ self.embedding)


# %% right="logits of all tokens first, then looked up" of="NeuralBigram"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.vocab_size = vocab_size
        self.embedding = nn.Parameter(torch.randn(vocab_size, d_model))
        self.head = nn.Linear(d_model, vocab_size, bias=True)

    def forward(self, ids):
        every = self.embedding @ self.head.weight.T + self.head.bias
        return every[ids]


# %% right="index_select" of="NeuralBigram"
class NeuralBigram(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.head = nn.Linear(d_model, vocab_size)
        self.embedding = nn.Parameter(torch.normal(0.0, 1.0, (vocab_size, d_model)))

    def forward(self, ids):
        rows = self.embedding.index_select(0, ids.flatten())
        return F.linear(rows.view(*ids.shape, -1), self.head.weight, self.head.bias)


# %% wrong="two tanhs" of="RNNCell" check="one step" says="one tanh around the sum"
class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_x = nn.Linear(input_size, hidden_size)
        self.w_h = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h):
        return torch.tanh(self.w_x(x)) + torch.tanh(self.w_h(h))


# %% wrong="no tanh" of="RNNCell" check="one step" says="tanh(W_x x + b + W_h h)"
class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_x = nn.Linear(input_size, hidden_size)
        self.w_h = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h):
        return self.w_x(x) + self.w_h(h)


# %% wrong="sigmoid" of="RNNCell" check="one step" says="tanh(W_x x + b + W_h h)"
class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_x = nn.Linear(input_size, hidden_size)
        self.w_h = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h):
        return torch.sigmoid(self.w_x(x) + self.w_h(h))


# %% wrong="no memory" of="RNNCell" check="one step" says="tanh(W_x x + b + W_h h)"
class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_x = nn.Linear(input_size, hidden_size)
        self.w_h = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h):
        return torch.tanh(self.w_x(x))


# %% wrong="the state added unchanged" of="RNNCell" check="one step" says="one tanh around the sum"
class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_x = nn.Linear(input_size, hidden_size)
        self.w_h = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h):
        return h + torch.tanh(self.w_x(x) + self.w_h(h))


# %% wrong="two biases" of="RNNCell" check="one step" says="w_h without"
class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_x = nn.Linear(input_size, hidden_size)
        self.w_h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        return torch.tanh(self.w_x(x) + self.w_h(h))


# %% wrong="the memory detached" of="RNNCell" check="memory lasts" says="no .detach()"
class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_x = nn.Linear(input_size, hidden_size)
        self.w_h = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h):
        return torch.tanh(self.w_x(x) + self.w_h(h.detach()))


# %% wrong="token and state exchanged" of="RNNCell" check="one step" says="your code raised RuntimeError"
class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_x = nn.Linear(input_size, hidden_size)
        self.w_h = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h):
        return torch.tanh(self.w_x(h) + self.w_h(x))


# %% wrong="a tuple" of="RNNCell" check="one step" says="expected a torch.Tensor, got a tuple"
class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_x = nn.Linear(input_size, hidden_size)
        self.w_h = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h):
        h = torch.tanh(self.w_x(x) + self.w_h(h))
        return h, h


# %% wrong="the forbidden cell" of="RNNCell" check="one step" says="may not call torch.nn.RNNCell"
class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, h):
        return self.cell(x, h)


# %% right="one matrix for both" of="RNNCell"
class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_x = nn.Linear(input_size, hidden_size)
        self.w_h = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h):
        both = torch.cat([self.w_x.weight, self.w_h.weight], dim=1)
        return F.linear(torch.cat([x, h], dim=1), both, self.w_x.bias).tanh()


# %% right="matrix products written out" of="RNNCell"
class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_h = nn.Linear(hidden_size, hidden_size, bias=False)
        self.w_x = nn.Linear(input_size, hidden_size)

    def forward(self, x, h):
        return torch.tanh(x @ self.w_x.weight.T + h @ self.w_h.weight.T + self.w_x.bias)


# %% right="tanh from exponentials" of="RNNCell"
class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_x = nn.Linear(input_size, hidden_size, bias=True)
        self.w_h = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h):
        z = torch.add(self.w_h(h), self.w_x(x))
        return 2 * torch.sigmoid(2 * z) - 1


# %% equivalent="f859dee0" of="interpolated_probability" because="None instead of an empty Counter: both are false, and nothing else is asked of it"
# followers = counts.get(history)

# %% equivalent="da2fc6e7" of="language_model_loss" because="the targets are integers and carry no gradient"
# targets = ids[:, 1:].flatten().detach()

# %% equivalent="6b81a1b9" of="language_model_loss" because="the loss is a scalar: its transpose is itself"
# return F.cross_entropy(predictions, targets, ignore_index=pad_id).mT
