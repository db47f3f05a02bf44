# %% wrong="only the forward pass" of="training_flops" check="six operations" says="6·N·D"
def training_flops(N, D, num_layers=0, d_model=0, length=0):
    return D * flops_per_token(N, num_layers, d_model, length) / 3


# %% wrong="one operation for a multiplication and addition" of="training_flops" check="six operations" says="6·N·D"
def training_flops(N, D, num_layers=0, d_model=0, length=0):
    return 3 * N * D


# %% wrong="per token, not for the run" of="training_flops" check="six operations" says="6·N·D"
def training_flops(N, D, num_layers=0, d_model=0, length=0):
    return flops_per_token(N, num_layers, d_model, length)


# %% wrong="without attention" of="training_flops" check="those of attention" says="12·num_layers"
def training_flops(N, D, num_layers=0, d_model=0, length=0):
    return 6 * N * D


# %% wrong="attention once, not per token" of="training_flops" check="those of attention" says="12·num_layers"
def training_flops(N, D, num_layers=0, d_model=0, length=0):
    return 6 * N * D + 12 * num_layers * d_model * length


# %% wrong="attention forward only" of="training_flops" check="those of attention" says="12·num_layers"
def training_flops(N, D, num_layers=0, d_model=0, length=0):
    return D * (6 * N + 4 * num_layers * d_model * length)


# %% wrong="attention with the square of the length" of="training_flops" check="those of attention" says="12·num_layers"
def training_flops(N, D, num_layers=0, d_model=0, length=0):
    return D * (6 * N + 12 * num_layers * d_model * length**2)


# %% wrong="two per weight backward" of="training_flops" check="six operations" says="6·N·D"
def training_flops(N, D, num_layers=0, d_model=0, length=0):
    return D * (4 * N + 12 * num_layers * d_model * length)


# %% right="written out" of="training_flops"
def training_flops(N, D, num_layers=0, d_model=0, length=0):
    return 6 * N * D + 12 * num_layers * length * d_model * D


# %% right="forward times three" of="training_flops"
def training_flops(N, D, num_layers=0, d_model=0, length=0):
    forward = 2 * N + 4 * num_layers * d_model * length
    return 3 * forward * D


# %% right="a case distinction" of="training_flops"
def training_flops(N, D, num_layers=0, d_model=0, length=0):
    flops = 6 * N * D
    if num_layers:
        flops += D * (flops_per_token(N, num_layers, d_model, length) - 6 * N)
    return flops


# %% wrong="exponentials first" of="log_power_law" check="safe for any constants" says="exp(800) is infinite"
def log_power_law(log_n, e, a, alpha):
    return torch.log(torch.exp(e) + torch.exp(a - alpha * log_n))


# %% wrong="the loss, not its logarithm" of="log_power_law" check="the logarithm of a sum" says="so is the result"
def log_power_law(log_n, e, a, alpha):
    return torch.exp(e) + torch.exp(a - alpha * log_n)


# %% wrong="plus alpha" of="log_power_law" check="the logarithm of a sum" says="α·ln N"
def log_power_law(log_n, e, a, alpha):
    return torch.logaddexp(e, a + alpha * log_n)


# %% wrong="the sum of the logarithms" of="log_power_law" check="the logarithm of a sum" says="ln(exp(e)"
def log_power_law(log_n, e, a, alpha):
    return e + a - alpha * log_n


# %% wrong="E and A instead of e and a" of="log_power_law" check="the logarithm of a sum" says="the arguments are logarithms"
def log_power_law(log_n, e, a, alpha):
    return torch.log(e + a / torch.exp(log_n) ** alpha)


# %% wrong="without E" of="log_power_law" check="the logarithm of a sum" says="ln(exp(e)"
def log_power_law(log_n, e, a, alpha):
    return a - alpha * log_n + 0 * e


# %% wrong="the logarithm of N once more" of="log_power_law" check="the logarithm of a sum" says="α·ln N"
def log_power_law(log_n, e, a, alpha):
    return torch.logaddexp(e, a - alpha * torch.log1p(log_n))


# %% wrong="logarithms to base 2" of="log_power_law" check="the logarithm of a sum" says="ln(exp(e)"
def log_power_law(log_n, e, a, alpha):
    return torch.logaddexp2(e, a - alpha * log_n)


# %% wrong="summed over the sizes" of="log_power_law" check="the logarithm of a sum" says="one loss for each size"
def log_power_law(log_n, e, a, alpha):
    return torch.logaddexp(e, a - alpha * log_n).sum()


# %% wrong="cut off from the constants" of="log_power_law" check="safe for any constants" says="does not require grad"
def log_power_law(log_n, e, a, alpha):
    return torch.logaddexp(e.detach(), a.detach() - alpha.detach() * log_n)


# %% wrong="the larger term only" of="log_power_law" check="the logarithm of a sum" says="ln(exp(e)"
def log_power_law(log_n, e, a, alpha):
    return torch.maximum(e, a - alpha * log_n)


# %% wrong="the second term taken out, whichever is larger" of="log_power_law" check="safe for any" says="may also be e"
def log_power_law(log_n, e, a, alpha):
    second = a - alpha * log_n
    return second + torch.log1p(torch.exp(e - second))


# %% wrong="e taken out, whichever is larger" of="log_power_law" check="safe for any" says="exp(800) is infinite"
def log_power_law(log_n, e, a, alpha):
    return e + torch.log1p(torch.exp(a - alpha * log_n - e))


# %% right="logsumexp of a stack" of="log_power_law"
def log_power_law(log_n, e, a, alpha):
    return torch.logsumexp(torch.stack((e.expand_as(log_n), a - alpha * log_n)), dim=0)


# %% right="softplus of the difference" of="log_power_law"
def log_power_law(log_n, e, a, alpha):
    return e - F.logsigmoid(e - a + alpha * log_n)


# %% right="the largest taken out by hand" of="log_power_law"
def log_power_law(log_n, e, a, alpha):
    other = a - alpha * log_n
    top = torch.maximum(e.expand_as(other), other).detach()
    return top + torch.log(torch.exp(e - top) + torch.exp(other - top))


# %% wrong="squares" of="huber" check="a parabola near zero" says="r²/2 where"
def huber(residuals, delta=1e-3):
    return residuals**2 / 2


# %% wrong="absolute values" of="huber" check="a parabola near zero" says="r²/2 where"
def huber(residuals, delta=1e-3):
    return delta * residuals.abs()


# %% wrong="without the half" of="huber" check="a parabola near zero" says="r²/2 where"
def huber(residuals, delta=1e-3):
    size = residuals.abs()
    return torch.where(size <= delta, size**2, delta * (2 * size - delta))


# %% wrong="the line is too high" of="huber" check="a parabola near zero" says="δ(|r| − δ/2)"
def huber(residuals, delta=1e-3):
    size = residuals.abs()
    return torch.where(size <= delta, size**2 / 2, delta * size)


# %% wrong="the sign is forgotten" of="huber" check="a parabola near zero" says="the sign of r does not matter"
def huber(residuals, delta=1e-3):
    return torch.where(residuals <= delta, residuals**2 / 2, delta * (residuals - delta / 2))


# %% wrong="the mean" of="huber" check="a parabola near zero" says="neither a sum nor a mean"
def huber(residuals, delta=1e-3):
    size = residuals.abs()
    return torch.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).mean()


# %% wrong="smooth L1, which divides by delta" of="huber" check="a parabola near zero" says="r²/2 where"
def huber(residuals, delta=1e-3):
    return F.smooth_l1_loss(residuals, torch.zeros_like(residuals), reduction="none", beta=delta)


# %% wrong="delta is one" of="huber" check="a parabola near zero" says="delta is 0.001"
def huber(residuals, delta=1.0):
    size = residuals.abs()
    return torch.where(size <= delta, size**2 / 2, delta * (size - delta / 2))


# %% wrong="a jump in the slope" of="huber" check="no residual pulls" says="δ with the sign of r"
def huber(residuals, delta=1e-3):
    size = residuals.abs()
    return torch.where(size <= delta, size**2 / 2, delta * (size.detach() - delta / 2))


# %% wrong="the branches exchanged" of="huber" check="a parabola near zero" says="r²/2 where"
def huber(residuals, delta=1e-3):
    size = residuals.abs()
    return torch.where(size > delta, size**2 / 2, delta * (size - delta / 2))


# %% wrong="the library's" of="huber" check="a parabola near zero" says="huber_loss"
def huber(residuals, delta=1e-3):
    return F.huber_loss(residuals, torch.zeros_like(residuals), reduction="none", delta=delta)


# %% right="a clamped size" of="huber"
def huber(residuals, delta=1e-3):
    inside = residuals.abs().clamp(max=delta)
    return inside * (residuals.abs() - inside / 2)


# %% right="smooth L1 times delta" of="huber"
def huber(residuals, delta=1e-3):
    return delta * F.smooth_l1_loss(residuals, torch.zeros_like(residuals), reduction="none", beta=delta)


# %% right="strictly less" of="huber"
def huber(residuals, delta=1e-3):
    line = delta * residuals.abs() - delta**2 / 2
    return torch.where(residuals.abs() < delta, 0.5 * residuals.square(), line)


# %% wrong="the logarithms are returned" of="fit_power_law" check="finds the law behind" says="Return exp(e), not e"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes, dtype=torch.float64).log()
    log_l = torch.as_tensor(losses, dtype=torch.float64).log()
    starts = itertools.product((-1.0, 0.0, 1.0), (0.0, 5.0, 10.0), (0.25, 0.75))
    _, (e, a, alpha) = min(
        descend(lambda p: huber(log_power_law(log_n, *p) - log_l, delta).sum(), start) for start in starts
    )
    return {"E": e, "A": a, "alpha": alpha}


# %% wrong="A stays a logarithm" of="fit_power_law" check="finds the law behind" says="return exp(a), not a"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes, dtype=torch.float64).log()
    log_l = torch.as_tensor(losses, dtype=torch.float64).log()
    starts = itertools.product((-1.0, 0.0, 1.0), (0.0, 5.0, 10.0), (0.25, 0.75))
    _, (e, a, alpha) = min(
        descend(lambda p: huber(log_power_law(log_n, *p) - log_l, delta).sum(), start) for start in starts
    )
    return {"E": math.exp(e), "A": a, "alpha": alpha}


# %% wrong="A less one" of="fit_power_law" check="finds the law behind" says="A is 40 here"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes, dtype=torch.float64).log()
    log_l = torch.as_tensor(losses, dtype=torch.float64).log()
    starts = itertools.product((-1.0, 0.0, 1.0), (0.0, 5.0, 10.0), (0.25, 0.75))
    _, (e, a, alpha) = min(
        descend(lambda p: huber(log_power_law(log_n, *p) - log_l, delta).sum(), start) for start in starts
    )
    return {"E": math.exp(e), "A": math.expm1(a), "alpha": alpha}


# %% wrong="a tuple" of="fit_power_law" check="finds the law behind" says="a dict with the keys"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes, dtype=torch.float64).log()
    log_l = torch.as_tensor(losses, dtype=torch.float64).log()
    starts = itertools.product((-1.0, 0.0, 1.0), (0.0, 5.0, 10.0), (0.25, 0.75))
    _, (e, a, alpha) = min(
        descend(lambda p: huber(log_power_law(log_n, *p) - log_l, delta).sum(), start) for start in starts
    )
    return math.exp(e), math.exp(a), alpha


# %% wrong="a single start on the flat" of="fit_power_law" check="at the size of real models" says="Take the best of many"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes, dtype=torch.float64).log()
    log_l = torch.as_tensor(losses, dtype=torch.float64).log()
    _, (e, a, alpha) = descend(lambda p: huber(log_power_law(log_n, *p) - log_l, delta).sum(), (0.0, 1.0, 1.0))
    return {"E": math.exp(e), "A": math.exp(a), "alpha": alpha}


# %% wrong="one start, in the middle" of="fit_power_law" check="at the size of real models" says="the lowest of all"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes, dtype=torch.float64).log()
    log_l = torch.as_tensor(losses, dtype=torch.float64).log()
    _, (e, a, alpha) = descend(lambda p: huber(log_power_law(log_n, *p) - log_l, delta).sum(), (0.0, 5.0, 0.5))
    return {"E": math.exp(e), "A": math.exp(a), "alpha": alpha}


# %% wrong="the end of the last start" of="fit_power_law" check="at the size of real models" says="the lowest of all"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes, dtype=torch.float64).log()
    log_l = torch.as_tensor(losses, dtype=torch.float64).log()
    for start in itertools.product((-1.0, 0.0, 1.0), (0.0, 5.0, 10.0), (0.25, 0.75)):
        _, (e, a, alpha) = descend(lambda p: huber(log_power_law(log_n, *p) - log_l, delta).sum(), start)
    return {"E": math.exp(e), "A": math.exp(a), "alpha": alpha}


# %% wrong="a straight line of logarithms" of="fit_power_law" check="finds the law behind" says="E is 1.7"
def fit_power_law(sizes, losses, delta=1e-3):
    slope, height = np.polyfit(np.log(sizes), np.log(losses), 1)
    return {"E": 0.0, "A": math.exp(height), "alpha": -slope}


# %% wrong="the worst start" of="fit_power_law" check="finds the law behind" says="E is 1.7"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes, dtype=torch.float64).log()
    log_l = torch.as_tensor(losses, dtype=torch.float64).log()
    starts = itertools.product((-1.0, 0.0, 1.0), (0.0, 5.0, 10.0), (0.25, 0.75))
    _, (e, a, alpha) = max(
        descend(lambda p: huber(log_power_law(log_n, *p) - log_l, delta).sum(), start) for start in starts
    )
    return {"E": math.exp(e), "A": math.exp(a), "alpha": alpha}


# %% wrong="least squares" of="fit_power_law" check="one bad run" says="use huber"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes, dtype=torch.float64).log()
    log_l = torch.as_tensor(losses, dtype=torch.float64).log()
    starts = itertools.product((-1.0, 0.0, 1.0), (0.0, 5.0, 10.0), (0.25, 0.75))
    _, (e, a, alpha) = min(
        descend(lambda p: (log_power_law(log_n, *p) - log_l).square().sum(), start) for start in starts
    )
    return {"E": math.exp(e), "A": math.exp(a), "alpha": alpha}


# %% wrong="delta is not passed on" of="fit_power_law" check="one bad run" says="with delta=10"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes, dtype=torch.float64).log()
    log_l = torch.as_tensor(losses, dtype=torch.float64).log()
    starts = itertools.product((-1.0, 0.0, 1.0), (0.0, 5.0, 10.0), (0.25, 0.75))
    _, (e, a, alpha) = min(descend(lambda p: huber(log_power_law(log_n, *p) - log_l).sum(), start) for start in starts)
    return {"E": math.exp(e), "A": math.exp(a), "alpha": alpha}


# %% wrong="logarithms to base 10 of the sizes" of="fit_power_law" check="finds the law behind" says="alpha is 0.4"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes, dtype=torch.float64).log10()
    log_l = torch.as_tensor(losses, dtype=torch.float64).log()
    starts = itertools.product((-1.0, 0.0, 1.0), (0.0, 5.0, 10.0), (0.25, 0.75))
    _, (e, a, alpha) = min(
        descend(lambda p: huber(log_power_law(log_n, *p) - log_l, delta).sum(), start) for start in starts
    )
    return {"E": math.exp(e), "A": math.exp(a), "alpha": alpha}


# %% wrong="lists only" of="fit_power_law" check="finds the law behind" says="Tensor"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.tensor([math.log(n) for n in sizes if not isinstance(n, torch.Tensor)], dtype=torch.float64)
    log_l = torch.tensor([math.log(n) for n in losses if not isinstance(n, torch.Tensor)], dtype=torch.float64)
    if len(log_n) == 0:
        raise TypeError("Tensor")
    starts = itertools.product((-1.0, 0.0, 1.0), (0.0, 5.0, 10.0), (0.25, 0.75))
    _, (e, a, alpha) = min(
        descend(lambda p: huber(log_power_law(log_n, *p) - log_l, delta).sum(), start) for start in starts
    )
    return {"E": math.exp(e), "A": math.exp(a), "alpha": alpha}


# %% right="a loop, fewer starts" of="fit_power_law"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes, dtype=torch.float64).log()
    log_l = torch.as_tensor(losses, dtype=torch.float64).log()
    best, where = math.inf, None
    for e in (0.0, 1.0):
        for a in (0.0, 5.0, 10.0):
            for alpha in (0.3, 0.6):
                value, point = descend(lambda p: huber(log_power_law(log_n, *p) - log_l, delta).sum(), (e, a, alpha))
                if value < best:
                    best, where = value, point
    return {"alpha": where[2], "E": math.exp(where[0]), "A": math.exp(where[1])}


# %% right="the mean, scaled up" of="fit_power_law"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes).double().log()
    log_l = torch.as_tensor(losses).double().log()

    def objective(p):
        return 1000 * huber(log_l - log_power_law(log_n, p[0], p[1], p[2]), delta).mean()

    ends = [descend(objective, s) for s in itertools.product((-1.0, 0.5), (1.0, 6.0, 12.0), (0.2, 0.5, 0.9))]
    e, a, alpha = sorted(ends)[0][1]
    return {"E": math.exp(e), "A": math.exp(a), "alpha": alpha}


# %% right="alpha on a grid, the other two by search" of="fit_power_law"
def fit_power_law(sizes, losses, delta=1e-3):
    log_n = torch.as_tensor(sizes, dtype=torch.float64).log()
    log_l = torch.as_tensor(losses, dtype=torch.float64).log()
    centre = log_n.mean()

    def objective(p):  # the second term at the centre of the sizes: hardly any correlation with alpha
        return huber(log_power_law(log_n - centre, *p) - log_l, delta).sum()

    _, (e, a, alpha) = min(descend(objective, (s, s, x)) for s in (-0.5, 0.5) for x in (0.2, 0.4, 0.8, 1.6))
    return {"E": math.exp(e), "A": math.exp(a + alpha * centre.item()), "alpha": alpha}


# %% wrong="alpha in the exponent of N" of="chinchilla_optimal" check="an even law" says="a third"
def chinchilla_optimal(flops, A, B, alpha, beta):
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    N = G * (flops / 6) ** (alpha / (alpha + beta))
    return N, flops / (6 * N)


# %% wrong="the 6 is missing" of="chinchilla_optimal" check="an even law" says="Is the 6 there?"
def chinchilla_optimal(flops, A, B, alpha, beta):
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    N = G * flops ** (beta / (alpha + beta))
    return N, flops / N


# %% wrong="G turned over" of="chinchilla_optimal" check="the constants A and B" says="to the power 1 / (α + β)"
def chinchilla_optimal(flops, A, B, alpha, beta):
    G = (beta * B / (alpha * A)) ** (1 / (alpha + beta))
    N = G * (flops / 6) ** (beta / (alpha + beta))
    return N, flops / (6 * N)


# %% wrong="brackets missing around the exponent" of="chinchilla_optimal" check="the constants A and B" says="to the power 1 / (α + β)"
def chinchilla_optimal(flops, A, B, alpha, beta):
    G = (alpha * A / (beta * B)) ** 1
    N = G * (flops / 6) ** (beta / (alpha + beta))
    return N, flops / (6 * N)


# %% wrong="G without the exponents as factors" of="chinchilla_optimal" check="an even law" says="G = 1 here"
def chinchilla_optimal(flops, A, B, alpha, beta):
    G = (A / B) ** (1 / (alpha + beta))
    N = G * (flops / 6) ** (beta / (alpha + beta))
    return N, flops / (6 * N)


# %% wrong="tokens first" of="chinchilla_optimal" check="an even law" says="a third"
def chinchilla_optimal(flops, A, B, alpha, beta):
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    N = G * (flops / 6) ** (beta / (alpha + beta))
    return flops / (6 * N), N


# %% wrong="the budget is not kept" of="chinchilla_optimal" check="the constants A and B" says="D = C / (6 N)"
def chinchilla_optimal(flops, A, B, alpha, beta):
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    return G * (flops / 6) ** (beta / (alpha + beta)), (flops / 6) ** (alpha / (alpha + beta))


# %% wrong="twenty tokens per parameter" of="chinchilla_optimal" check="an even law" says="N = D"
def chinchilla_optimal(flops, A, B, alpha, beta):
    N = (flops / 120) ** 0.5
    return N, 20 * N


# %% wrong="always the square root" of="chinchilla_optimal" check="an even law" says="a third"
def chinchilla_optimal(flops, A, B, alpha, beta):
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    N = G * (flops / 6) ** 0.5
    return N, flops / (6 * N)


# %% wrong="D without the 6" of="chinchilla_optimal" check="an even law" says="Is the 6 there?"
def chinchilla_optimal(flops, A, B, alpha, beta):
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    N = G * (flops / 6) ** (beta / (alpha + beta))
    return N, flops / N


# %% right="both closed forms" of="chinchilla_optimal"
def chinchilla_optimal(flops, A, B, alpha, beta):
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    return G * (flops / 6) ** (beta / (alpha + beta)), 1 / G * (flops / 6) ** (alpha / (alpha + beta))


# %% right="in logarithms" of="chinchilla_optimal"
def chinchilla_optimal(flops, A, B, alpha, beta):
    log_n = (math.log(alpha * A) - math.log(beta * B) + beta * math.log(flops / 6)) / (alpha + beta)
    return math.exp(log_n), math.exp(math.log(flops / 6) - log_n)


# %% right="by search, golden section" of="chinchilla_optimal"
def chinchilla_optimal(flops, A, B, alpha, beta):
    def loss(log_n):
        return A * math.exp(-alpha * log_n) + B * math.exp(-beta * (math.log(flops / 6) - log_n))

    low, high = 0.0, math.log(flops / 6)
    for _ in range(200):
        one, two = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, two) if loss(one) < loss(two) else (one, high)
    slope_low, slope_high = low - 1e-3, high + 1e-3
    for _ in range(60):  # the minimum is flat: bisect its slope, which is not
        middle = (slope_low + slope_high) / 2
        rising = beta * B * math.exp(-beta * (math.log(flops / 6) - middle)) > alpha * A * math.exp(-alpha * middle)
        slope_low, slope_high = (slope_low, middle) if rising else (middle, slope_high)
    N = math.exp(slope_low)
    return [N, flops / 6 / N]


# %% wrong="seconds" of="training_cost" check="hours, money" says="4 hours"
def training_cost(flops, peak_flops, utilisation, price, watts, pue=1.1):
    hours = flops / (peak_flops * utilisation)
    return {"gpu_hours": hours, "dollars": hours * price, "kwh": hours * watts * pue / 1000}


# %% wrong="at the full peak" of="training_cost" check="hours, money" says="half of 1e15"
def training_cost(flops, peak_flops, utilisation, price, watts, pue=1.1):
    hours = flops / peak_flops / 3600
    return {"gpu_hours": hours, "dollars": hours * price, "kwh": hours * watts * pue / 1000}


# %% wrong="multiplied by the utilisation" of="training_cost" check="hours, money" says="half of 1e15"
def training_cost(flops, peak_flops, utilisation, price, watts, pue=1.1):
    hours = flops / peak_flops * utilisation / 3600
    return {"gpu_hours": hours, "dollars": hours * price, "kwh": hours * watts * pue / 1000}


# %% wrong="watt-hours" of="training_cost" check="hours, money" says="divide by 1000"
def training_cost(flops, peak_flops, utilisation, price, watts, pue=1.1):
    hours = flops / (peak_flops * utilisation) / 3600
    return {"gpu_hours": hours, "dollars": hours * price, "kwh": hours * watts * pue}


# %% wrong="without the building" of="training_cost" check="hours, money" says="500 watts × 1.2"
def training_cost(flops, peak_flops, utilisation, price, watts, pue=1.1):
    hours = flops / (peak_flops * utilisation) / 3600
    return {"gpu_hours": hours, "dollars": hours * price, "kwh": hours * watts / 1000}


# %% wrong="money for electricity" of="training_cost" check="hours, money" says="at 3 dollars"
def training_cost(flops, peak_flops, utilisation, price, watts, pue=1.1):
    hours = flops / (peak_flops * utilisation) / 3600
    kwh = hours * watts * pue / 1000
    return {"gpu_hours": hours, "dollars": kwh * price, "kwh": kwh}


# %% wrong="other keys" of="training_cost" check="hours, money" says="the keys are"
def training_cost(flops, peak_flops, utilisation, price, watts, pue=1.1):
    hours = flops / (peak_flops * utilisation) / 3600
    return {"hours": hours, "cost": hours * price, "energy": hours * watts * pue / 1000}


# %% wrong="pue is 1 unless given" of="training_cost" check="the electricity of LLaMA" says="PUE of 1.1"
def training_cost(flops, peak_flops, utilisation, price, watts, pue=1.0):
    hours = flops / (peak_flops * utilisation) / 3600
    return {"gpu_hours": hours, "dollars": hours * price, "kwh": hours * watts * pue / 1000}


# %% wrong="divided by pue" of="training_cost" check="hours, money" says="500 watts × 1.2"
def training_cost(flops, peak_flops, utilisation, price, watts, pue=1.1):
    hours = flops / (peak_flops * utilisation) / 3600
    return {"gpu_hours": hours, "dollars": hours * price, "kwh": hours * watts / pue / 1000}


# %% right="by way of joules" of="training_cost"
def training_cost(flops, peak_flops, utilisation, price, watts, pue=1.1):
    seconds = flops / peak_flops / utilisation
    return {"kwh": seconds * watts * pue / 3.6e6, "gpu_hours": seconds / 3600, "dollars": seconds / 3600 * price}


# %% right="a dict made by name" of="training_cost"
def training_cost(flops, peak_flops, utilisation, price, watts, pue=1.1):
    hours = flops / (3600 * peak_flops * utilisation)
    return {"gpu_hours": hours, "dollars": price * hours, "kwh": pue * watts / 1e3 * hours}


# %% right="filled step by step" of="training_cost"
def training_cost(flops, peak_flops, utilisation, price, watts, pue=1.1):
    bill = {}
    bill["gpu_hours"] = flops / (peak_flops * utilisation * 60 * 60)
    bill["dollars"] = bill["gpu_hours"] * price
    bill["kwh"] = bill["gpu_hours"] * (watts / 1000) * pue
    return bill


# %% wrong="stretches side by side" of="exact_match" check="all of k neighbours" says="overlapping"
def exact_match(right, k):
    return right.unfold(1, k, k).all(-1).float().mean().item()


# %% wrong="across the rows" of="exact_match" check="all of k neighbours" says="overlapping"
def exact_match(right, k):
    return right.flatten().unfold(0, k, 1).all(-1).float().mean().item()


# %% wrong="any instead of all" of="exact_match" check="all of k neighbours" says="are all right"
def exact_match(right, k):
    return right.unfold(1, k, 1).any(-1).float().mean().item()


# %% wrong="p to the power k" of="exact_match" check="all of k neighbours" says="overlapping"
def exact_match(right, k):
    return right.float().mean().item() ** k


# %% wrong="the mean of the stretches" of="exact_match" check="all of k neighbours" says="overlapping"
def exact_match(right, k):
    return right.float().unfold(1, k, 1).mean().item()


# %% wrong="the first k of each row" of="exact_match" check="all of k neighbours" says="the share of characters"
def exact_match(right, k):
    return right[:, :k].all(-1).float().mean().item()


# %% wrong="along the batch" of="exact_match" check="all of k neighbours" says="overlapping"
def exact_match(right, k):
    return right.unfold(0, k, 1).all(-1).float().mean().item()


# %% wrong="divided by all characters" of="exact_match" check="all of k neighbours" says="5 of 8"
def exact_match(right, k):
    return right.unfold(1, k, 1).all(-1).sum().item() / right.numel()


# %% wrong="one stretch less" of="exact_match" check="all of k neighbours" says="the share of characters"
def exact_match(right, k):
    T = right.shape[1]
    return torch.stack([right[:, i : i + k].all(1) for i in range(max(T - k, 1))]).float().mean().item()


# %% right="a loop over starts" of="exact_match"
def exact_match(right, k):
    T = right.shape[1]
    return torch.stack([right[:, i : i + k].all(1) for i in range(T - k + 1)]).double().mean().item()


# %% right="running sums" of="exact_match"
def exact_match(right, k):
    sums = F.pad(right.long().cumsum(1), (1, 0))
    return float((sums[:, k:] - sums[:, :-k] == k).float().mean())


# %% right="products, a tensor in return" of="exact_match"
def exact_match(right, k):
    return right.double().unfold(1, k, 1).prod(-1).mean()


# %% equivalent="0468087c" of="training_flops" because="layers, width and length are multiplied, in any order"

# %% equivalent="1a8b3ce2" of="training_flops" because="layers, width and length are multiplied, in any order"

# %% equivalent="f4a9fa82" of="huber" because="where they meet, the parabola and the line have the same value and slope"

# %% equivalent="121e7c7f" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% equivalent="13321391" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% equivalent="202fe45b" of="fit_power_law" because="the same starts in another order"

# %% equivalent="2cc51a68" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% equivalent="423a103d" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% equivalent="433faa50" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% equivalent="46b2137f" of="fit_power_law" because="the same starts in another order"

# %% equivalent="4a51915a" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% equivalent="54030819" of="fit_power_law" because="the same starts in another order"

# %% equivalent="5fc1b303" of="fit_power_law" because="the same starts in another order"

# %% survivor="60bddab0" of="fit_power_law" because="the mean has the same minimum, and descend does reach it"

# %% equivalent="76b0e202" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% equivalent="883a40b4" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% equivalent="9d6b2fe1" of="fit_power_law" because="a sum has no axes to swap"

# %% equivalent="a04bc6f7" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% equivalent="a4e2fc88" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% equivalent="b26bc76b" of="fit_power_law" because="the Huber loss does not see the sign"

# %% equivalent="b2756a53" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% equivalent="c4345cf0" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% equivalent="ca5d9bcb" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% equivalent="d473f683" of="fit_power_law" because="the same starts in another order"

# %% survivor="daa91bc6" of="fit_power_law" because="float32 keeps the seven digits that the losses have"

# %% equivalent="e094cc9c" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% survivor="ef836c87" of="fit_power_law" because="float32 keeps the seven digits that the losses have"

# %% equivalent="fe60b138" of="fit_power_law" because="the choice of the starts is free, and these find the same law"

# %% survivor="dfde8b80" of="exact_match" because="a tensor without axes is as good a number"
