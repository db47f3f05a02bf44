# %% wrong="softmax, then log" of="cross_entropy" check="large logits" says="subtract each row's own maximum"
def cross_entropy(logits, targets):
    p = torch.softmax(logits, dim=-1)
    return -p[torch.arange(len(targets)), targets].log().mean()


# %% wrong="no shift" of="cross_entropy" check="large logits" says="subtract each row's own maximum"
def cross_entropy(logits, targets):
    log_p = logits - logits.exp().sum(-1, keepdim=True).log()
    return -log_p.gather(1, targets[:, None]).mean()


# %% wrong="the sum instead of the mean" of="cross_entropy" check="mean surprise" says="minus the mean, not the sum"
def cross_entropy(logits, targets):
    shifted = logits - logits.max(-1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(-1, keepdim=True).log()
    return -log_p.gather(1, targets[:, None]).sum()


# %% wrong="the mean over all entries" of="cross_entropy" check="mean surprise" says="minus the mean, not the sum"
def cross_entropy(logits, targets):
    shifted = logits - logits.max(-1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(-1, keepdim=True).log()
    return -log_p.mean()


# %% wrong="the sign forgotten" of="cross_entropy" check="mean surprise" says="minus the mean"
def cross_entropy(logits, targets):
    shifted = logits - logits.max(-1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(-1, keepdim=True).log()
    return log_p.gather(1, targets[:, None]).mean()


# %% wrong="one loss per example" of="cross_entropy" check="mean surprise" says="expected shape ()"
def cross_entropy(logits, targets):
    shifted = logits - logits.max(-1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(-1, keepdim=True).log()
    return -log_p.gather(1, targets[:, None])[:, 0]


# %% wrong="every target for every row" of="cross_entropy" check="mean surprise" says="only log_p[i, targets[i]]"
def cross_entropy(logits, targets):
    shifted = logits - logits.max(-1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(-1, keepdim=True).log()
    return -log_p[:, targets].mean()


# %% wrong="probabilities clamped" of="cross_entropy" check="large logits" says="never take the log of a softmax"
def cross_entropy(logits, targets):
    p = torch.softmax(logits, dim=-1).clamp_min(1e-8)
    return -p[torch.arange(len(targets)), targets].log().mean()


# %% wrong="one maximum for the whole batch" of="cross_entropy" check="large logits" says="subtract each row's own maximum"
def cross_entropy(logits, targets):
    shifted = logits - logits.max()
    log_p = shifted - shifted.exp().sum(-1, keepdim=True).log()
    return -log_p.gather(1, targets[:, None]).mean()


# %% wrong="over the batch" of="cross_entropy" check="mean surprise" says="minus the mean"
def cross_entropy(logits, targets):
    shifted = logits - logits.max(0, keepdim=True).values
    log_p = shifted - shifted.exp().sum(0, keepdim=True).log()
    return -log_p.gather(1, targets[:, None]).mean()


# %% wrong="cut from the logits" of="cross_entropy" check="its gradient" says="the loss carries no gradient"
def cross_entropy(logits, targets):
    z = logits.detach()
    shifted = z - z.max(-1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(-1, keepdim=True).log()
    return -log_p.gather(1, targets[:, None]).mean()


# %% wrong="a bare number" of="cross_entropy" check="its gradient" says="no detach, item, no_grad"
def cross_entropy(logits, targets):
    shifted = logits - logits.max(-1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(-1, keepdim=True).log()
    return -log_p.gather(1, targets[:, None]).mean().item()


# %% wrong="a bare number, wrapped again" of="cross_entropy" check="its gradient" says="no detach, item, no_grad"
def cross_entropy(logits, targets):
    shifted = logits - logits.max(-1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(-1, keepdim=True).log()
    return torch.tensor(-log_p.gather(1, targets[:, None]).mean().item())


# %% right="log-sum-exp minus the logit" of="cross_entropy"
def cross_entropy(logits, targets):
    m = logits.max(dim=1).values
    log_z = m + (logits - m[:, None]).exp().sum(1).log()
    return (log_z - logits[torch.arange(len(logits)), targets]).mean()


# %% right="one-hot" of="cross_entropy"
def cross_entropy(logits, targets):
    shifted = logits - logits.amax(-1, keepdim=True)
    log_p = shifted - torch.log(torch.exp(shifted).sum(-1, keepdim=True))
    one_hot = F.one_hot(targets, logits.shape[-1]).to(logits.dtype)
    return -(one_hot * log_p).sum() / len(logits)


# %% right="the maximum detached" of="cross_entropy"
def cross_entropy(logits, targets):
    shifted = logits - logits.detach().amax(-1, keepdim=True)
    log_z = shifted.exp().sum(-1).log()
    return (log_z - torch.take_along_dim(shifted, targets.unsqueeze(1), 1).squeeze(1)).mean()


# %% right="an example at a time" of="cross_entropy"
def cross_entropy(logits, targets):
    total = 0
    for z, y in zip(logits, targets, strict=True):
        z = z - z.max()
        total = total + z.exp().sum().log() - z[y]
    return total / len(logits)


# %% wrong="a new tensor instead of the parameter" of="SGD" check="a plain step" says="in place"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        g = g + group["weight_decay"] * p
        state["velocity"] = group["momentum"] * state.get("velocity", 0) + g
        p = p - group["lr"] * state["velocity"]


# %% wrong="uphill" of="SGD" check="a plain step" says="θ - lr · g"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        g = g + group["weight_decay"] * p
        state["velocity"] = group["momentum"] * state.get("velocity", 0) + g
        p += group["lr"] * state["velocity"]


# %% wrong="momentum as an average" of="SGD" check="momentum adds" says="with the whole g"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        g = g + group["weight_decay"] * p
        mu = group["momentum"]
        state["velocity"] = mu * state.get("velocity", 0) + (1 - mu) * g
        p -= group["lr"] * state["velocity"]


# %% wrong="no memory" of="SGD" check="momentum adds" says="v = momentum · v + g"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        g = g + group["weight_decay"] * p
        velocity = group["momentum"] * 0 + g
        p -= group["lr"] * velocity


# %% wrong="decay after the velocity" of="SGD" check="weight decay joins" says="before the velocity"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        state["velocity"] = group["momentum"] * state.get("velocity", 0) + g
        p -= group["lr"] * (state["velocity"] + group["weight_decay"] * p)


# %% wrong="decay forgotten" of="SGD" check="weight decay joins" says="takes the place of g"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        state["velocity"] = group["momentum"] * state.get("velocity", 0) + g
        p -= group["lr"] * state["velocity"]


# %% wrong="decay with the wrong sign" of="SGD" check="weight decay joins" says="takes the place of g"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        g = g - group["weight_decay"] * p
        state["velocity"] = group["momentum"] * state.get("velocity", 0) + g
        p -= group["lr"] * state["velocity"]


# %% wrong="Nesterov's look ahead" of="SGD" check="momentum adds" says="v = momentum · v + g"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        g = g + group["weight_decay"] * p
        state["velocity"] = group["momentum"] * state.get("velocity", 0) + g
        p -= group["lr"] * (g + group["momentum"] * state["velocity"])


# %% wrong="the learning rate inside the memory, twice" of="SGD" check="momentum adds" says="row 0 is the place"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        g = g + group["weight_decay"] * p
        state["velocity"] = group["momentum"] * state.get("velocity", 0) + group["lr"] * g
        p -= group["lr"] * state["velocity"]


# %% wrong="the velocity begins with momentum" of="SGD" check="momentum adds" says="row 0 is the place"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        g = g + group["weight_decay"] * p
        state["velocity"] = group["momentum"] * (state.get("velocity", g) + g)
        p -= group["lr"] * state["velocity"]


# %% wrong="the learning rate inside the velocity" of="SGD" check="momentum adds" says="does not enter it"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        g = g + group["weight_decay"] * p
        state["velocity"] = group["momentum"] * state.get("velocity", 0) - group["lr"] * g
        p += state["velocity"]


# %% wrong="the gradient changed" of="SGD" check="weight decay joins" says="the gradient is changed"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        g += group["weight_decay"] * p
        state["velocity"] = group["momentum"] * state.get("velocity", 0) + g
        p -= group["lr"] * state["velocity"]


# %% wrong="the gradient as velocity" of="SGD" check="weight decay joins" says="not the gradient itself"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        if "velocity" in state:
            state["velocity"].mul_(group["momentum"]).add_(g)
        else:
            state["velocity"] = g
        p -= group["lr"] * state["velocity"]


# %% right="methods in place" of="SGD"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        g = g.add(p, alpha=group["weight_decay"])
        if "velocity" in state:
            state["velocity"].mul_(group["momentum"]).add_(g)
        else:
            state["velocity"] = g.clone()
        p.add_(state["velocity"], alpha=-group["lr"])


# %% right="the velocity negative" of="SGD"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        g = g + group["weight_decay"] * p
        v = state.setdefault("v", torch.zeros_like(p))
        v.mul_(group["momentum"]).sub_(g)
        p += group["lr"] * v


# %% right="copied into place" of="SGD"
class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        g = g + group["weight_decay"] * p
        state["velocity"] = group["momentum"] * state.get("velocity", 0) + g
        p.copy_(p - group["lr"] * state["velocity"])


# %% wrong="no bias correction" of="Adam" check="first step" says="both averages corrected"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"]
        v_hat = state["v"]
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% wrong="only the first average corrected" of="Adam" check="first step" says="both averages corrected"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"]
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% wrong="betas exchanged" of="Adam" check="two averages" says="row 0 is the place after step 1"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta2, beta1 = group["betas"]
        g = g + group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% wrong="eps inside the root" of="Adam" check="eps outside" says="(root of the corrected v) + eps"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p -= group["lr"] * m_hat / (v_hat + group["eps"]).sqrt()


# %% wrong="eps before the correction" of="Adam" check="eps outside" says="root of the corrected v"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        p -= group["lr"] * m_hat / (((state["v"]).sqrt() + group["eps"]) / (1 - beta2 ** state["t"]) ** 0.5)


# %% wrong="decay taken out of the gradient" of="Adam" check="eps outside" says="enters both averages"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        p -= group["lr"] * group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% wrong="decay only in the first average" of="Adam" check="eps outside" says="enters both averages"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        decayed = g + group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * decayed
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% wrong="the corrected average kept" of="Adam" check="two averages" says="keep m and v uncorrected"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        state["m"] = m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% wrong="one count for all parameters" of="Adam" check="each parameter counts" says="count in state"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        self.calls = getattr(self, "calls", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** ((self.calls + 1) // 2))
        v_hat = state["v"] / (1 - beta2 ** ((self.calls + 1) // 2))
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% wrong="no root" of="Adam" check="first step" says="the first step is lr"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p -= group["lr"] * m_hat / (v_hat + group["eps"])


# %% wrong="absolute values averaged" of="Adam" check="two averages" says="row 0 is the place"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g.abs()
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p -= group["lr"] * m_hat / (v_hat + group["eps"])


# %% wrong="the count begins at two" of="Adam" check="first step" says="both averages corrected"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        state["t"] = state.get("t", 1) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% wrong="a new tensor instead of the parameter" of="Adam" check="first step" says="the first step is lr"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p = p - group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% wrong="the gradient changed" of="Adam" check="eps outside" says="the gradient is changed"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g += group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% wrong="the first learning rate for ever" of="Adam" check="two averages" says="read group['lr'] at each step"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p -= group["peak_lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% wrong="counted after use" of="Adam" check="first step" says="t is 1 here, not 0"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        t = state.get("t", 0)
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - torch.tensor(beta1) ** t)
        v_hat = state["v"] / (1 - torch.tensor(beta2) ** t)
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])
        state["t"] = t + 1


# %% wrong="a count for each call" of="Adam" check="first step" says="a t of its own"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        self.t = getattr(self, "t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1**self.t)
        v_hat = state["v"] / (1 - beta2**self.t)
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% right="methods in place" of="Adam"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g.add(p, alpha=group["weight_decay"])
        if not state:
            state.update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
        state["t"] += 1
        state["m"].lerp_(g, 1 - beta1)
        state["v"].mul_(beta2).addcmul_(g, g, value=1 - beta2)
        root = (state["v"] / (1 - beta2 ** state["t"])).sqrt_().add_(group["eps"])
        p.addcdiv_(state["m"], root, value=-group["lr"] / (1 - beta1 ** state["t"]))


# %% right="the powers of beta kept instead of a count" of="Adam"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        m, v, b1, b2 = state.get("all", (0, 0, 1, 1))
        m, v, b1, b2 = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g, b1 * beta1, b2 * beta2
        state["all"] = m, v, b1, b2
        p.sub_(group["lr"] * (m / (1 - b1)) / (torch.sqrt(v / (1 - b2)) + group["eps"]))


# %% right="differences to the averages" of="Adam"
class Adam(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        m, v = state.get("m", torch.zeros_like(p)), state.get("v", torch.zeros_like(p))
        state["m"] = m + (1 - beta1) * (g - m)
        state["v"] = v + (1 - beta2) * (g.square() - v)
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% wrong="Adam as it is" of="AdamW" check="shrinks the weight" says="with weight_decay 0"
class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        super().update(p, g, state, group)


# %% wrong="both kinds of decay" of="AdamW" check="shrinks the weight" says="with weight_decay 0"
class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        p -= group["lr"] * group["weight_decay"] * p
        super().update(p, g, state, group)


# %% wrong="no learning rate in the decay" of="AdamW" check="shrinks the weight" says="lr · weight_decay · θ"
class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        p -= group["weight_decay"] * p
        super().update(p, g, state, {**group, "weight_decay": 0.0})


# %% wrong="no decay" of="AdamW" check="shrinks the weight" says="θ shrinks"
class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        super().update(p, g, state, {**group, "weight_decay": 0.0})


# %% wrong="decay after the step" of="AdamW" check="shrinks the weight" says="once; then Adam"
class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        super().update(p, g, state, {**group, "weight_decay": 0.0})
        p -= group["lr"] * group["weight_decay"] * p


# %% wrong="grows instead of shrinking" of="AdamW" check="shrinks the weight" says="θ shrinks"
class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        p += group["lr"] * group["weight_decay"] * p
        super().update(p, g, state, {**group, "weight_decay": 0.0})


# %% wrong="the group itself changed" of="AdamW" check="groups with" says="do not change it"
class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        p -= group["lr"] * group["weight_decay"] * p
        group["weight_decay"] = 0.0
        super().update(p, g, state, group)


# %% wrong="a name, not the parameter" of="AdamW" check="shrinks the weight" says="θ shrinks"
class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        p = p * (1 - group["lr"] * group["weight_decay"])
        super().update(p, g, state, {**group, "weight_decay": 0.0})


# %% wrong="decay by the peak learning rate" of="AdamW" check="groups with" says="for the decay too"
class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        p -= group["peak_lr"] * group["weight_decay"] * p
        super().update(p, g, state, {**group, "weight_decay": 0.0})


# %% right="multiplied in place" of="AdamW"
class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        p.mul_(1 - group["lr"] * group["weight_decay"])
        super().update(p, g, state, group | {"weight_decay": 0})


# %% right="put back afterwards" of="AdamW"
class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        decay = group["weight_decay"]
        p -= group["lr"] * decay * p
        group["weight_decay"] = 0.0
        super().update(p, g, state, group)
        group["weight_decay"] = decay


# %% right="all written out" of="AdamW"
class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        p -= group["lr"] * group["weight_decay"] * p
        beta1, beta2 = group["betas"]
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


# %% right="Adam's update by name" of="AdamW"
class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        shrink = group["lr"] * group["weight_decay"] * p
        p -= shrink
        without = dict(group)
        without["weight_decay"] = 0.0
        Adam.update(self, p, g, state, without)


# %% wrong="the groups exchanged" of="decay_groups" check="matrices decay" says="the first group holds the two weight matrices"
def decay_groups(model, weight_decay):
    trained = [p for p in model.parameters() if p.requires_grad]
    return [{"params": [p for p in trained if p.ndim < 2], "weight_decay": weight_decay}, {"params": [p for p in trained if p.ndim >= 2], "weight_decay": 0.0}]


# %% wrong="frozen ones among them" of="decay_groups" check="axes decide" says="not the frozen layer"
def decay_groups(model, weight_decay):
    trained = list(model.parameters())
    return [{"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay}, {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0}]


# %% wrong="exactly two axes" of="decay_groups" check="axes decide" says="image.weight (4 axes)"
def decay_groups(model, weight_decay):
    trained = [p for p in model.parameters() if p.requires_grad]
    return [{"params": [p for p in trained if p.ndim == 2], "weight_decay": weight_decay}, {"params": [p for p in trained if p.ndim != 2], "weight_decay": 0.0}]


# %% wrong="one axis is enough" of="decay_groups" check="matrices decay" says="the first group holds the two weight matrices"
def decay_groups(model, weight_decay):
    trained = [p for p in model.parameters() if p.requires_grad]
    return [{"params": [p for p in trained if p.ndim >= 1], "weight_decay": weight_decay}, {"params": [p for p in trained if p.ndim < 1], "weight_decay": 0.0}]


# %% wrong="no decay said for the vectors" of="decay_groups" check="matrices decay" says="the second says 0.0 explicitly"
def decay_groups(model, weight_decay):
    trained = [p for p in model.parameters() if p.requires_grad]
    return [{"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay}, {"params": [p for p in trained if p.ndim < 2]}]


# %% wrong="two lists" of="decay_groups" check="matrices decay" says="a list of two dicts"
def decay_groups(model, weight_decay):
    trained = [p for p in model.parameters() if p.requires_grad]
    return [[p for p in trained if p.ndim >= 2], [p for p in trained if p.ndim < 2]]


# %% wrong="no return" of="decay_groups" check="matrices decay" says="a list of two dicts"
def decay_groups(model, weight_decay):
    trained = [p for p in model.parameters() if p.requires_grad]
    [{"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay}, {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0}]


# %% wrong="decay for all" of="decay_groups" check="matrices decay" says="has weight_decay 0.0"
def decay_groups(model, weight_decay):
    trained = [p for p in model.parameters() if p.requires_grad]
    return [{"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay}, {"params": [p for p in trained if p.ndim < 2], "weight_decay": weight_decay}]


# %% wrong="by the names" of="decay_groups" check="axes decide" says="first.weight, image.weight"
def decay_groups(model, weight_decay):
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    return [{"params": [p for n, p in named if "bias" not in n and "norm" not in n and "." in n and not n.startswith("1")], "weight_decay": weight_decay},
            {"params": [p for n, p in named if not ("bias" not in n and "norm" not in n and "." in n and not n.startswith("1"))], "weight_decay": 0.0}]


# %% wrong="only linear layers" of="decay_groups" check="axes decide" says="image.weight (4 axes)"
def decay_groups(model, weight_decay):
    decayed = [m.weight for m in model.modules() if isinstance(m, nn.Linear) and m.weight.requires_grad]
    chosen = {id(p) for p in decayed}
    rest = [p for p in model.parameters() if id(p) not in chosen and p.requires_grad]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]


# %% right="one loop" of="decay_groups"
def decay_groups(model, weight_decay):
    groups = [{"params": [], "weight_decay": weight_decay}, {"params": [], "weight_decay": 0.0}]
    for _, p in model.named_parameters():
        if p.requires_grad:
            groups[p.dim() < 2]["params"].append(p)
    return groups


# %% right="filters" of="decay_groups"
def decay_groups(model, weight_decay):
    trained = list(filter(lambda p: p.requires_grad, model.parameters()))
    matrices = [p for p in trained if len(p.shape) > 1]
    vectors = [p for p in trained if len(p.shape) <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0}]


# %% wrong="warmup from zero" of="schedule" check="warmup comes first" says="1/5, 2/5"
def schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1):
    if kind not in ("constant", "cosine", "step", "exponential"):
        raise ValueError(kind)
    if step < warmup:
        return step / warmup
    s = step - warmup
    if kind == "cosine":
        progress = min(s / (total - warmup), 1)
        return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
    if kind == "constant":
        return 1.0
    return gamma ** (s // every if kind == "step" else s)


# %% wrong="the cosine rises again" of="schedule" check="a cosine" says="it stays at the floor"
def schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1):
    if kind not in ("constant", "cosine", "step", "exponential"):
        raise ValueError(kind)
    if step < warmup:
        return (step + 1) / warmup
    s = step - warmup
    if kind == "cosine":
        progress = s / (total - warmup)
        return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
    if kind == "constant":
        return 1.0
    return gamma ** (s // every if kind == "step" else s)


# %% wrong="the cosine counts the warmup" of="schedule" check="warmup comes first" says="the cosine begins at step 5"
def schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1):
    if kind not in ("constant", "cosine", "step", "exponential"):
        raise ValueError(kind)
    if step < warmup:
        return (step + 1) / warmup
    s = step - warmup
    if kind == "cosine":
        progress = min(step / total, 1)
        return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
    if kind == "constant":
        return 1.0
    return gamma ** (s // every if kind == "step" else s)


# %% wrong="the cosine ends too late" of="schedule" check="warmup comes first" says="reaches its floor at total"
def schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1):
    if kind not in ("constant", "cosine", "step", "exponential"):
        raise ValueError(kind)
    if step < warmup:
        return (step + 1) / warmup
    s = step - warmup
    if kind == "cosine":
        progress = min(s / total, 1)
        return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
    if kind == "constant":
        return 1.0
    return gamma ** (s // every if kind == "step" else s)


# %% wrong="the floor added on top" of="schedule" check="a cosine" says="between 1 and floor"
def schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1):
    if kind not in ("constant", "cosine", "step", "exponential"):
        raise ValueError(kind)
    if step < warmup:
        return (step + 1) / warmup
    s = step - warmup
    if kind == "cosine":
        progress = min(s / (total - warmup), 1)
        return floor + (1 + math.cos(math.pi * progress)) / 2
    if kind == "constant":
        return 1.0
    return gamma ** (s // every if kind == "step" else s)


# %% wrong="the floor as a lower bound" of="schedule" check="a cosine" says="between 1 and floor"
def schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1):
    if kind not in ("constant", "cosine", "step", "exponential"):
        raise ValueError(kind)
    if step < warmup:
        return (step + 1) / warmup
    s = step - warmup
    if kind == "cosine":
        progress = min(s / (total - warmup), 1)
        return max(floor, (1 + math.cos(math.pi * progress)) / 2)
    if kind == "constant":
        return 1.0
    return gamma ** (s // every if kind == "step" else s)


# %% wrong="the steps count the warmup" of="schedule" check="warmup comes first" says="only then the steps"
def schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1):
    if kind not in ("constant", "cosine", "step", "exponential"):
        raise ValueError(kind)
    if step < warmup:
        return (step + 1) / warmup
    s = step - warmup
    if kind == "cosine":
        progress = min(s / (total - warmup), 1)
        return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
    if kind == "constant":
        return 1.0
    return gamma ** (step // every if kind == "step" else s)


# %% wrong="no whole steps" of="schedule" check="steps, exponential" says="the number of whole fours"
def schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1):
    if kind not in ("constant", "cosine", "step", "exponential"):
        raise ValueError(kind)
    if step < warmup:
        return (step + 1) / warmup
    s = step - warmup
    if kind == "cosine":
        progress = min(s / (total - warmup), 1)
        return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
    if kind == "constant":
        return 1.0
    return gamma ** (s / every if kind == "step" else s)


# %% wrong="an unknown kind is constant" of="schedule" check="unknown kind" says="raise ValueError"
def schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1):
    if step < warmup:
        return (step + 1) / warmup
    s = step - warmup
    if kind == "cosine":
        progress = min(s / (total - warmup), 1)
        return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
    if kind == "constant":
        return 1.0
    return gamma ** (s // every if kind == "step" else s)


# %% wrong="a typo unseen during warmup" of="schedule" check="unknown kind" says="also during warmup"
def schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1):
    if step < warmup:
        return (step + 1) / warmup
    s = step - warmup
    if kind == "cosine":
        progress = min(s / (total - warmup), 1)
        return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
    if kind == "constant":
        return 1.0
    if kind not in ("step", "exponential"):
        raise ValueError(kind)
    return gamma ** (s // every if kind == "step" else s)


# %% wrong="the whole circle" of="schedule" check="a cosine" says="half-way"
def schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1):
    if kind not in ("constant", "cosine", "step", "exponential"):
        raise ValueError(kind)
    if step < warmup:
        return (step + 1) / warmup
    s = step - warmup
    if kind == "cosine":
        progress = min(s / (total - warmup), 1)
        return floor + (1 - floor) * (1 + math.cos(2 * math.pi * progress)) / 2
    if kind == "constant":
        return 1.0
    return gamma ** (s // every if kind == "step" else s)


# %% right="shapes in a dictionary" of="schedule"
def schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1):
    s = max(step - warmup, 0)
    shapes = {"constant": lambda: 1, "step": lambda: gamma ** (s // every), "exponential": lambda: gamma**s,
              "cosine": lambda: floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1, s / (total - warmup))))}
    if kind not in shapes:
        raise ValueError(f"unknown: {kind}")
    return (step + 1) / warmup if step < warmup else shapes[kind]()


# %% right="match" of="schedule"
def schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1):
    match kind:
        case "constant" | "cosine" | "step" | "exponential":
            pass
        case _:
            raise ValueError("unknown kind")
    if step < warmup:
        return (1 + step) / warmup
    if kind == "constant":
        return 1
    if kind == "step":
        return math.pow(gamma, (step - warmup) // every)
    if kind == "exponential":
        return math.exp((step - warmup) * math.log(gamma))
    if step >= total:
        return floor
    return floor + (1 - floor) * math.cos(math.pi / 2 * (step - warmup) / (total - warmup)) ** 2


# %% wrong="every tensor for itself" of="clip_grad_norm" check="a long gradient" says="by one factor"
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = torch.stack([g.norm() for g in grads]).norm()
    for g in grads:
        g *= min(max_norm / (g.norm() + 1e-6), 1)
    return norm


# %% wrong="single numbers cut off" of="clip_grad_norm" check="a long gradient" says="by one factor"
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = torch.stack([g.norm() for g in grads]).norm()
    for g in grads:
        g.clamp_(-max_norm, max_norm)
    return norm


# %% wrong="short gradients made longer" of="clip_grad_norm" check="a short gradient" says="never more"
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = torch.stack([g.norm() for g in grads]).norm()
    for g in grads:
        g *= max_norm / (norm + 1e-6)
    return norm


# %% wrong="the norms added up" of="clip_grad_norm" check="one norm for all" says="the root of the sum of all squares"
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = sum(g.norm() for g in grads)
    for g in grads:
        g *= min(max_norm / (norm + 1e-6), 1)
    return norm


# %% wrong="an iterator used twice" of="clip_grad_norm" check="a short gradient" says="make a list first"
def clip_grad_norm(params, max_norm):
    norm = torch.stack([p.grad.norm() for p in params if p.grad is not None]).norm()
    for p in params:
        if p.grad is not None:
            p.grad *= min(max_norm / (norm + 1e-6), 1)
    return norm


# %% wrong="nothing clipped" of="clip_grad_norm" check="a long gradient" says="multiply all in place"
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = torch.stack([g.norm() for g in grads]).norm()
    for g in grads:
        g = g * min(max_norm / (norm + 1e-6), 1)
    return norm


# %% wrong="parameters without gradient" of="clip_grad_norm" check="one norm for all" says="your code raised"
def clip_grad_norm(params, max_norm):
    params = list(params)
    norm = torch.stack([p.grad.norm() for p in params]).norm()
    for p in params:
        p.grad *= min(max_norm / (norm + 1e-6), 1)
    return norm


# %% wrong="the square of the norm" of="clip_grad_norm" check="one norm for all" says="the root of the sum"
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = sum(g.square().sum() for g in grads)
    for g in grads:
        g *= min(max_norm / (norm + 1e-6), 1)
    return norm


# %% wrong="the parameters scaled" of="clip_grad_norm" check="a long gradient" says="multiply all in place"
def clip_grad_norm(params, max_norm):
    params = [p for p in params if p.grad is not None]
    norm = torch.stack([p.grad.norm() for p in params]).norm()
    for p in params:
        p *= min(max_norm / (norm + 1e-6), 1)
    return norm


# %% wrong="the norm after clipping" of="clip_grad_norm" check="one norm for all" says="before clipping"
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = torch.stack([g.norm() for g in grads]).norm()
    for g in grads:
        g *= min(max_norm / (norm + 1e-6), 1)
    return torch.stack([g.norm() for g in grads]).norm()


# %% wrong="the shortened norm" of="clip_grad_norm" check="a long gradient" says="from before the clipping"
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = torch.stack([g.norm() for g in grads]).norm()
    factor = min(max_norm / (norm + 1e-6), 1)
    for g in grads:
        g *= factor
    return norm * factor


# %% wrong="without the small number" of="clip_grad_norm" check="a long gradient" says="1e-6 is missing"
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = torch.stack([g.norm() for g in grads]).norm()
    if norm > max_norm:
        for g in grads:
            g *= max_norm / norm
    return norm


# %% wrong="the largest norm" of="clip_grad_norm" check="one norm for all" says="the root of the sum"
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = max(g.norm() for g in grads)
    for g in grads:
        g *= min(max_norm / (norm + 1e-6), 1)
    return norm


# %% right="one long vector" of="clip_grad_norm"
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = torch.cat([g.flatten() for g in grads]).norm()
    factor = (max_norm / (norm + 1e-6)).clamp(max=1)
    for g in grads:
        g.mul_(factor)
    return norm


# %% right="new gradients" of="clip_grad_norm"
def clip_grad_norm(params, max_norm):
    params = [p for p in params if p.grad is not None]
    norm = math.sqrt(sum(float((p.grad**2).sum()) for p in params))
    if norm + 1e-6 > max_norm:
        for p in params:
            p.grad = p.grad * (max_norm / (norm + 1e-6))
    return torch.tensor(norm, dtype=params[0].grad.dtype)


# %% wrong="fan out" of="kaiming_init" check="the deviation keeps" says="inputs come second"
def kaiming_init(weight, gain=2**0.5, generator=None):
    with torch.no_grad():
        return weight.normal_(0, gain / math.sqrt(weight.shape[0]), generator=generator)


# %% wrong="the variance as deviation" of="kaiming_init" check="the deviation keeps" says="deviation √2 / √50 = 0.2"
def kaiming_init(weight, gain=2**0.5, generator=None):
    with torch.no_grad():
        return weight.normal_(0, gain**2 / weight[0].numel(), generator=generator)


# %% wrong="channels only" of="kaiming_init" check="gain, and the fan" says="each output reads 8 · 5 · 5"
def kaiming_init(weight, gain=2**0.5, generator=None):
    with torch.no_grad():
        return weight.normal_(0, gain / math.sqrt(weight.shape[1]), generator=generator)


# %% wrong="the gain ignored" of="kaiming_init" check="gain, and the fan" says="gain 1, fan_in 25"
def kaiming_init(weight, gain=2**0.5, generator=None):
    with torch.no_grad():
        return weight.normal_(0, math.sqrt(2 / weight[0].numel()), generator=generator)


# %% wrong="gradients recorded" of="kaiming_init" check="in place" says="your code raised RuntimeError"
def kaiming_init(weight, gain=2**0.5, generator=None):
    return weight.normal_(0, gain / math.sqrt(weight[0].numel()), generator=generator)


# %% wrong="a new tensor" of="kaiming_init" check="in place" says="fill it in place"
def kaiming_init(weight, gain=2**0.5, generator=None):
    return torch.randn(weight.shape, generator=generator) * gain / math.sqrt(weight[0].numel())


# %% wrong="uniform numbers" of="kaiming_init" check="the deviation keeps" says="normal numbers"
def kaiming_init(weight, gain=2**0.5, generator=None):
    bound = gain * math.sqrt(3 / weight[0].numel())
    with torch.no_grad():
        return weight.uniform_(-bound, bound, generator=generator)


# %% wrong="the generator forgotten" of="kaiming_init" check="in place" says="hand generator on"
def kaiming_init(weight, gain=2**0.5, generator=None):
    with torch.no_grad():
        return weight.normal_(0, gain / math.sqrt(weight[0].numel()))


# %% wrong="gain inside the root" of="kaiming_init" check="the deviation keeps" says="√2 / √50"
def kaiming_init(weight, gain=2**0.5, generator=None):
    with torch.no_grad():
        return weight.normal_(0, math.sqrt(gain / weight[0].numel()), generator=generator)


# %% wrong="nothing returned" of="kaiming_init" check="the deviation keeps" says="return the weight itself"
def kaiming_init(weight, gain=2**0.5, generator=None):
    with torch.no_grad():
        weight.normal_(0, gain / math.sqrt(weight[0].numel()), generator=generator)


# %% right="drawn, then copied" of="kaiming_init"
def kaiming_init(weight, gain=2**0.5, generator=None):
    fan_in = weight.numel() // weight.shape[0]
    with torch.no_grad():
        weight.copy_(torch.randn(weight.shape, generator=generator) * (gain / fan_in**0.5))
    return weight


# %% right="through data" of="kaiming_init"
def kaiming_init(weight, gain=2**0.5, generator=None):
    weight.data.normal_(0, gain / math.sqrt(math.prod(weight.shape[1:])), generator=generator)
    return weight


# %% wrong="not divided by the norm" of="Muon" check="singular values near one" says="divide by the norm"
def orthogonalize(x):
    x = x + 0.0
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


class Muon(Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        mu, lr = group["momentum"], group["lr"]
        state["m"] = mu * state.get("m", 0) + (1 - mu) * g
        ahead = (1 - mu) * g + mu * state["m"]
        p -= lr * group["weight_decay"] * p
        p -= lr * max(1, p.shape[0] / p.shape[1]) ** 0.5 * orthogonalize(ahead)


# %% wrong="four rounds" of="Muon" check="singular values near one" says="then five times"
def orthogonalize(x):
    x = x / (x.norm() + 1e-7)
    for _ in range(4):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


class Muon(Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        mu, lr = group["momentum"], group["lr"]
        state["m"] = mu * state.get("m", 0) + (1 - mu) * g
        ahead = (1 - mu) * g + mu * state["m"]
        p -= lr * group["weight_decay"] * p
        p -= lr * max(1, p.shape[0] / p.shape[1]) ** 0.5 * orthogonalize(ahead)


# %% wrong="the product on the wrong side" of="Muon" check="singular values near one" says="your code raised"
def orthogonalize(x):
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + x @ (-4.7750 * a + 2.0315 * a @ a)
    return x


class Muon(Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        mu, lr = group["momentum"], group["lr"]
        state["m"] = mu * state.get("m", 0) + (1 - mu) * g
        ahead = (1 - mu) * g + mu * state["m"]
        p -= lr * group["weight_decay"] * p
        p -= lr * max(1, p.shape[0] / p.shape[1]) ** 0.5 * orthogonalize(ahead)


# %% wrong="a sign in the polynomial" of="Muon" check="singular values near one" says="a X + (b A + c A A) X"
def orthogonalize(x):
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (4.7750 * a + 2.0315 * a @ a) @ x
    return x


class Muon(Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        mu, lr = group["momentum"], group["lr"]
        state["m"] = mu * state.get("m", 0) + (1 - mu) * g
        ahead = (1 - mu) * g + mu * state["m"]
        p -= lr * group["weight_decay"] * p
        p -= lr * max(1, p.shape[0] / p.shape[1]) ** 0.5 * orthogonalize(ahead)


# %% wrong="momentum not orthogonalized" of="Muon" check="momentum, look ahead" says="step is √2 times"
def orthogonalize(x):
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


class Muon(Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        mu, lr = group["momentum"], group["lr"]
        state["m"] = mu * state.get("m", 0) + (1 - mu) * g
        ahead = (1 - mu) * g + mu * state["m"]
        p -= lr * group["weight_decay"] * p
        p -= lr * max(1, p.shape[0] / p.shape[1]) ** 0.5 * ahead


# %% wrong="no look ahead" of="Muon" check="momentum, look ahead" says="u looks ahead"
def orthogonalize(x):
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


class Muon(Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        mu, lr = group["momentum"], group["lr"]
        state["m"] = mu * state.get("m", 0) + (1 - mu) * g
        ahead = state["m"]
        p -= lr * group["weight_decay"] * p
        p -= lr * max(1, p.shape[0] / p.shape[1]) ** 0.5 * orthogonalize(ahead)


# %% wrong="the scale forgotten" of="Muon" check="momentum, look ahead" says="step is √2 times"
def orthogonalize(x):
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


class Muon(Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        mu, lr = group["momentum"], group["lr"]
        state["m"] = mu * state.get("m", 0) + (1 - mu) * g
        ahead = (1 - mu) * g + mu * state["m"]
        p -= lr * group["weight_decay"] * p
        p -= lr * orthogonalize(ahead)


# %% wrong="no decay" of="Muon" check="momentum, look ahead" says="shrinks by lr · weight_decay"
def orthogonalize(x):
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


class Muon(Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        mu, lr = group["momentum"], group["lr"]
        state["m"] = mu * state.get("m", 0) + (1 - mu) * g
        ahead = (1 - mu) * g + mu * state["m"]
        p -= 0
        p -= lr * max(1, p.shape[0] / p.shape[1]) ** 0.5 * orthogonalize(ahead)


# %% wrong="the largest singular value" of="Muon" check="singular values near one" says="divide by the norm"
def orthogonalize(x):
    x = x / (torch.linalg.matrix_norm(x, 2) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


class Muon(Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        mu, lr = group["momentum"], group["lr"]
        state["m"] = mu * state.get("m", 0) + (1 - mu) * g
        ahead = (1 - mu) * g + mu * state["m"]
        p -= lr * group["weight_decay"] * p
        p -= lr * max(1, p.shape[0] / p.shape[1]) ** 0.5 * orthogonalize(ahead)


# %% right="on the shorter side" of="Muon"
def orthogonalize(x):
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (torch.linalg.norm(x) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x - 4.7750 * (a @ x) + 2.0315 * (a @ (a @ x))
    return x.T if tall else x


class Muon(Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        mu, lr = group["momentum"], group["lr"]
        state["m"] = mu * state.get("m", 0) + (1 - mu) * g
        ahead = (1 - mu) * g + mu * state["m"]
        p -= lr * group["weight_decay"] * p
        p -= lr * max(1, p.shape[0] / p.shape[1]) ** 0.5 * orthogonalize(ahead)


# %% wrong="turned for ever" of="Muon" check="orthogonalize brings the singular values near one" says="RecursionError"
def orthogonalize(x):
    if x.shape[0] >= x.shape[1]:
        return orthogonalize(x.T).T
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


class Muon(Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        mu, lr = group["momentum"], group["lr"]
        state["m"] = mu * state.get("m", 0) + (1 - mu) * g
        ahead = (1 - mu) * g + mu * state["m"]
        p -= lr * group["weight_decay"] * p
        p -= lr * max(1, p.shape[0] / p.shape[1]) ** 0.5 * orthogonalize(ahead)


# %% right="methods in place" of="Muon"
def orthogonalize(x):
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


class Muon(Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p, g, state, group):
        mu, lr = group["momentum"], group["lr"]
        m = state.setdefault("m", torch.zeros_like(p))
        m.lerp_(g, 1 - mu)
        p.mul_(1 - lr * group["weight_decay"])
        rows, columns = p.shape
        scale = (rows / columns) ** 0.5 if rows > columns else 1
        p.sub_(orthogonalize(g.lerp(m, mu)), alpha=lr * scale)


# %% equivalent="1e09f533" of="cross_entropy" because="logits have two axes, so axis 1 is the last"
# %% equivalent="ee111e05" of="cross_entropy" because="logits have two axes, so axis 1 is the last"
# %% equivalent="746815a0" of="cross_entropy" because="transposing a number changes nothing"
# %% equivalent="ef1aa2e2" of="clip_grad_norm" because="transposing a number changes nothing"
# %% equivalent="b20a96ee" of="kaiming_init" because="all outputs have slices of one size, the last as the first"
# %% equivalent="3b6b162c" of="schedule" because="the order of names in a membership test does not matter"
# %% equivalent="54e1376f" of="schedule" because="the order of names in a membership test does not matter"
# %% equivalent="645c952d" of="schedule" because="the order of names in a membership test does not matter"
# %% equivalent="61161377" of="Muon" because="a factor may stand at either matrix of a product"
# %% equivalent="b51853fb" of="Muon" because="a gradient has the shape of its parameter"
# %% equivalent="e9e74c7c" of="Muon" because="a gradient has the shape of its parameter"
# %% equivalent="0d42ae5b" of="Muon" because="turned on its side or not, the result is the same: only the time differs"
# %% equivalent="15d7325d" of="Muon" because="turned on its side or not, the result is the same: only the time differs"
# %% equivalent="49026f6c" of="Muon" because="turned on its side or not, the result is the same: only the time differs"
# %% equivalent="4a698a99" of="Muon" because="turned on its side or not, the result is the same: only the time differs"
# %% equivalent="c91258e6" of="Muon" because="turned on its side or not, the result is the same: only the time differs"
# %% equivalent="ea531fea" of="Muon" because="turned on its side or not, the result is the same: only the time differs"
