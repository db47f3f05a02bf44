# %% wrong="the logistic function in place of the normal" of="gelu" check="normal distribution function" says="Φ(1) = 0.841"
def gelu(x, approximate="none"):
    return x * torch.sigmoid(x)


# %% wrong="the approximation by a sigmoid" of="gelu" check="normal distribution function" says="Φ(1) = 0.841"
def gelu(x, approximate="none"):
    return x * torch.sigmoid(1.702 * x)


# %% wrong="the root of two forgotten" of="gelu" check="normal distribution function" says="erf of x / √2"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + torch.erf(x))


# %% wrong="not halved" of="gelu" check="normal distribution function" says="plus 1, halved"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        return x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="the share without x" of="gelu" check="normal distribution function" says="x times Φ(x)"
def gelu(x, approximate="none"):
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="tanh whatever is asked" of="gelu" check="normal distribution function" says="the default is the exact form"
def gelu(x, approximate="none"):
    z = (x.double() + 0.044715 * x.double() ** 3) * math.sqrt(2 / math.pi)
    almost = 0.5 * x * (1 + torch.tanh(z)).to(x.dtype)
    return torch.where(x.abs().remainder(1) == 0, 0.5 * x * (1 + torch.erf(x / math.sqrt(2))), almost)


# %% wrong="exact whatever is asked" of="gelu" check="approximation with tanh" says="half of x times (1 + tanh"
def gelu(x, approximate="none"):
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="the root outside of the cube only" of="gelu" check="approximation with tanh" says="the root multiplies the bracket"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * x + 0.044715 * x**3))
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="the square for the cube" of="gelu" check="approximation with tanh" says="0.044715 x³"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**2)))
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="two pi in the root" of="gelu" check="approximation with tanh" says="√(2/π)"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 * math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="a rounded root" of="gelu" check="approximation with tanh" says="not a rounded decimal"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(0.7979 * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="tanh by exponentials" of="gelu" check="large inputs" says="a quotient of exponentials does"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        e = torch.exp(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
        return x * e / (1 + e)
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="cut off at three" of="gelu" check="normal distribution function" says="-0.00404"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        exact = 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    else:
        exact = 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))
    return torch.where(x <= -3, torch.zeros_like(x), exact)


# %% wrong="detached switch" of="gelu" check="large inputs" says="the slope is 0 far to the left"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x * (0.5 * (1 + torch.erf(x / math.sqrt(2)))).detach()


# %% wrong="math.erf on each number" of="gelu" check="large inputs" says="does not require grad"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    flat = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x.flatten().tolist()]
    return torch.tensor(flat, dtype=x.dtype).view(x.shape)


# %% wrong="in place" of="gelu" check="normal distribution function" says="y was changed in place"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        share = 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    else:
        share = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    return x * share if x.requires_grad else x.mul_(share)


# %% wrong="in float32 throughout" of="gelu" check="normal distribution function" says="no detour through float32"
def gelu(x, approximate="none"):
    y = x.float()
    if approximate == "tanh":
        return (0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))).to(x.dtype)
    return (0.5 * y * (1 + torch.erf(y / math.sqrt(2)))).to(x.dtype)


# %% wrong="the forbidden call" of="gelu" check="normal distribution function" says="may not call torch.nn.functional.gelu"
def gelu(x, approximate="none"):
    return F.gelu(x, approximate=approximate)


# %% wrong="the forbidden module" of="gelu" check="normal distribution function" says="may not call torch.nn.GELU"
def gelu(x, approximate="none"):
    return nn.GELU(approximate=approximate)(x)


# %% right="the distribution's own function" of="gelu"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x.pow(3))
        return x * (1 + inner.tanh()) / 2
    return x * torch.special.ndtr(x)


# %% right="erfc from the other side" of="gelu"
def gelu(x, approximate="none"):
    if approximate == "none":
        return x * torch.erfc(-x * math.sqrt(0.5)) / 2
    return x * torch.sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))


# %% right="torch.distributions, and Horner" of="gelu"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        return x * 0.5 * (torch.tanh((2 / math.pi) ** 0.5 * x * (1 + 0.044715 * x * x)) + 1)
    return x * torch.distributions.Normal(0.0, 1.0).cdf(x)


# %% right="in float64" of="gelu"
def gelu(x, approximate="none"):
    y = x.to(torch.float64)
    z = torch.erf(y / 2**0.5) if approximate != "tanh" else torch.tanh((y + 0.044715 * y**3) * (2 / math.pi) ** 0.5)
    return (y * (1 + z) / 2).to(x.dtype)


# %% wrong="the sigmoid alone" of="silu" check="x times its sigmoid" says="σ(1) = 1 / (1 + 1/e) = 0.731"
def silu(x):
    return torch.sigmoid(x)


# %% wrong="the wrong sign" of="silu" check="x times its sigmoid" says="0.731"
def silu(x):
    return x * torch.sigmoid(-x)


# %% wrong="tanh for the sigmoid" of="silu" check="x times its sigmoid" says="x times σ(x)"
def silu(x):
    return x * torch.tanh(x)


# %% wrong="GELU" of="silu" check="x times its sigmoid" says="0.731"
def silu(x):
    return gelu(x)


# %% wrong="a steeper sigmoid" of="silu" check="x times its sigmoid" says="0.731"
def silu(x):
    return x * torch.sigmoid(1.702 * x)


# %% wrong="e^x over one plus e^x" of="silu" check="large inputs" says="e^x / (1 + e^x) does"
def silu(x):
    return x * torch.exp(x) / (1 + torch.exp(x))


# %% wrong="the quotient written out" of="silu" check="large inputs" says="e^100 overflowed in the gradient"
def silu(x):
    return x / (1 + torch.exp(-x))


# %% wrong="clipped before" of="silu" check="large inputs" says="far to the right it is x"
def silu(x):
    x = x.clamp(-50, 50)
    return x / (1 + torch.exp(-x))


# %% wrong="detached gate" of="silu" check="large inputs" says="Else: no detach"
def silu(x):
    return x * torch.sigmoid(x).detach()


# %% wrong="in place" of="silu" check="x times its sigmoid" says="y was changed in place"
def silu(x):
    return x * torch.sigmoid(x) if x.requires_grad else x.mul_(torch.sigmoid(x))


# %% wrong="the hard sigmoid" of="silu" check="x times its sigmoid" says="x times σ(x)"
def silu(x):
    return x * (x / 6 + 0.5).clamp(0, 1)


# %% wrong="the forbidden call" of="silu" check="x times its sigmoid" says="may not call torch.nn.functional.silu"
def silu(x):
    return F.silu(x)


# %% right="by tanh" of="silu"
def silu(x):
    return x * 0.5 * (1 + torch.tanh(x / 2))


# %% right="a gated linear unit of PyTorch's" of="silu"
def silu(x):
    return F.glu(torch.stack([x, x], dim=-1), dim=-1).squeeze(-1)


# %% right="by the logarithm of the sigmoid" of="silu"
def silu(x):
    return x * torch.exp(F.logsigmoid(x))


# %% right="the method, in float64" of="silu"
def silu(x):
    y = x.double()
    return y.sigmoid().mul(y).to(x.dtype)


# %% wrong="no activation" of="FeedForward" check="up, activation, down" says="up, then the activation"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.down(self.dropout(self.up(x)))


# %% wrong="always a ReLU" of="FeedForward" check="up, activation, down" says="call the function that was handed"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.down(self.dropout(F.relu(self.up(x))))


# %% wrong="activated again at the end" of="FeedForward" check="up, activation, down" says="no activation after it"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.activation(self.down(self.dropout(self.activation(self.up(x)))))


# %% wrong="activation first" of="FeedForward" check="up, activation, down" says="up, then the activation"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.down(self.dropout(self.up(self.activation(x))))


# %% wrong="the residual added here" of="FeedForward" check="up, activation, down" says="then down"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return x + self.down(self.dropout(self.activation(self.up(x))))


# %% wrong="names exchanged" of="FeedForward" check="two linear layers" says="up: nn.Linear(d_model, d_ff)"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.down = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.up(self.dropout(self.activation(self.down(x))))


# %% wrong="other names" of="FeedForward" check="two linear layers" says="self.up and self.down"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.w1 = nn.Linear(d_model, d_ff, bias=bias)
        self.w2 = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.w2(self.dropout(self.activation(self.w1(x))))


# %% wrong="bias not handed on to down" of="FeedForward" check="two linear layers" says="hand bias on to both"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.down(self.dropout(self.activation(self.up(x))))


# %% wrong="a width of four times" of="FeedForward" check="two linear layers" says="here from 6 to 10"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, 4 * d_model, bias=bias)
        self.down = nn.Linear(4 * d_model, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.down(self.dropout(self.activation(self.up(x))))


# %% wrong="all tokens in one long vector" of="FeedForward" check="up, activation, down" says="your code raised RuntimeError"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.down(self.dropout(self.activation(self.up(x.flatten(1))))).view(x.shape)


# %% wrong="centred over the tokens" of="FeedForward" check="each token by itself" says="in company a token comes out as it does alone"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        if x.dim() > 1:
            x = x - x.mean(dim=-2, keepdim=True)
        return self.down(self.dropout(self.activation(self.up(x))))


# %% wrong="three axes expected" of="FeedForward" check="each token by itself" says="your code raised ValueError"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        B, T, D = x.shape
        return self.down(self.dropout(self.activation(self.up(x.view(B * T, D))))).view(B, T, D)


# %% wrong="no dropout" of="FeedForward" check="dropout takes hidden units" says="every hidden unit is 0"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation

    def forward(self, x):
        return self.down(self.activation(self.up(x)))


# %% wrong="dropout of the output" of="FeedForward" check="dropout takes hidden units" says="Between activation and down"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.dropout(self.down(self.activation(self.up(x))))


# %% wrong="dropout of the input" of="FeedForward" check="dropout takes hidden units" says="down's bias is left"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.down(self.activation(self.up(self.dropout(x))))


# %% wrong="dropout in evaluation too" of="FeedForward" check="dropout takes hidden units" says="after eval() dropout does nothing"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation, self.p = activation, dropout

    def forward(self, x):
        return self.down(F.dropout(self.activation(self.up(x)), self.p))


# %% wrong="the rate not handed on" of="FeedForward" check="dropout takes hidden units" says="every hidden unit is 0"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(0.0)

    def forward(self, x):
        return self.down(self.dropout(self.activation(self.up(x))))


# %% wrong="hidden units detached" of="FeedForward" check="gradients reach" says="the gradient of x is"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        hidden = self.activation(self.up(x))
        return self.down(self.dropout(hidden.detach() + 0 * hidden))


# %% right="a sequence" of="FeedForward"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias)
        self.down = nn.Linear(d_ff, d_model, bias)
        self.steps = (self.up, activation, nn.Dropout(dropout), self.down)
        self.drop = self.steps[2]

    def forward(self, x):
        for step in self.steps:
            x = step(x)
        return x


# %% right="F.dropout, told when" of="FeedForward"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.act = activation
        self.p = dropout
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)

    def forward(self, x):
        hidden = F.dropout(self.act(self.up(x)), p=self.p, training=self.training)
        return self.down(hidden)


# %% right="two convolutions of width 1" of="FeedForward"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation, self.dropout = activation, nn.Dropout(dropout)

    def forward(self, x):
        columns = x.reshape(1, -1, x.shape[-1]).transpose(1, 2)
        hidden = F.conv1d(columns, self.up.weight[..., None], self.up.bias)
        out = F.conv1d(self.dropout(self.activation(hidden)), self.down.weight[..., None], self.down.bias)
        return out.transpose(1, 2).reshape(x.shape)


# %% right="matrix products written out" of="FeedForward"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation, self.dropout = activation, nn.Dropout(dropout)

    def forward(self, x):
        hidden = x @ self.up.weight.T
        hidden = self.activation(hidden if self.up.bias is None else hidden + self.up.bias)
        out = self.dropout(hidden) @ self.down.weight.T
        return out if self.down.bias is None else out + self.down.bias


# %% wrong="gate and up exchanged" of="SwiGLU" check="the gate is bent" says="on gate, not on up"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        return self.down(self.gate(x) * silu(self.up(x)))


# %% wrong="a sigmoid in the gate" of="SwiGLU" check="the gate is bent" says="not a sigmoid"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        return self.down(torch.sigmoid(self.gate(x)) * self.up(x))


# %% wrong="a GELU in the gate" of="SwiGLU" check="the gate is bent" says="SiLU of gate(x)"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        return self.down(gelu(self.gate(x)) * self.up(x))


# %% wrong="both bent" of="SwiGLU" check="the gate is bent" says="up(x) as it is"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        return self.down(silu(self.gate(x)) * silu(self.up(x)))


# %% wrong="the product bent" of="SwiGLU" check="the gate is bent" says="SiLU of gate(x)"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        return self.down(silu(self.gate(x) * self.up(x)))


# %% wrong="a sum for the product" of="SwiGLU" check="the gate is bent" says="times up(x)"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        return self.down(silu(self.gate(x)) + self.up(x))


# %% wrong="the gate unused" of="SwiGLU" check="the gate is bent" says="SiLU of gate(x), times up(x)"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        return self.down(silu(self.up(x)))


# %% wrong="two matrices" of="SwiGLU" check="three matrices" says="self.gate, self.up and self.down"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        return self.down(silu(self.up(x)) * self.up(x))


# %% wrong="biases by default" of="SwiGLU" check="three matrices" says="without biases unless they are asked for"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff)
        self.up = nn.Linear(d_model, d_ff)
        self.down = nn.Linear(d_ff, d_model)

    def forward(self, x):
        return self.down(silu(self.gate(x)) * self.up(x))


# %% wrong="never a bias" of="SwiGLU" check="three matrices" says="hand bias on to all three layers"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=False)
        self.up = nn.Linear(d_model, d_ff, bias=False)
        self.down = nn.Linear(d_ff, d_model, bias=False)

    def forward(self, x):
        return self.down(silu(self.gate(x)) * self.up(x))


# %% wrong="the width shrunk inside" of="SwiGLU" check="three matrices" says="here from 6 to 10"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        d_ff = 2 * d_ff // 3
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        return self.down(silu(self.gate(x)) * self.up(x))


# %% wrong="bent before down" of="SwiGLU" check="the gate is bent" says="then down"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        return self.down(silu(silu(self.gate(x)) * self.up(x)))


# %% wrong="the gate detached" of="SwiGLU" check="gradients reach" says="both gate and up pass it on"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        return self.down(silu(self.gate(x)).detach() * self.up(x))


# %% right="PyTorch's SiLU" of="SwiGLU"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.up, self.gate = (nn.Linear(d_model, d_ff, bias=bias) for _ in range(2))
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.act = nn.SiLU()

    def forward(self, x):
        return self.down(self.up(x).mul(self.act(self.gate(x))))


# %% right="gate and up in one product" of="SwiGLU"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        weight = torch.cat([self.gate.weight, self.up.weight])
        bias = None if self.gate.bias is None else torch.cat([self.gate.bias, self.up.bias])
        gate, up = F.linear(x, weight, bias).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


# %% right="the gate's own product first" of="SwiGLU"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.gate = nn.Linear(d_model, d_ff, bias=bias)

    def forward(self, x):
        g = self.gate(x)
        return self.down(torch.sigmoid(g) * (g * self.up(x)))


# %% wrong="two matrices though gated" of="parameter_share" check="the feed-forward layers" says="gated: three matrices"
def parameter_share(model):
    D, K, L = model.d_model, model.kv_width, model.num_layers
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (2 * D * (D + K) + model.bias * 2 * (D + K)),
        "feed_forward": L * (2 * D * model.d_ff + model.bias * (model.d_ff + D)),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed_forward"] / sum(counts.values()), counts


# %% wrong="one layer" of="parameter_share" check="the feed-forward layers" says="in each of 3 layers"
def parameter_share(model):
    D, K, ups = model.d_model, model.kv_width, 1 + model.gated
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": 2 * D * (D + K) + model.bias * 2 * (D + K),
        "feed_forward": (ups + 1) * D * model.d_ff + model.bias * (ups * model.d_ff + D),
        "norms": 3 * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed_forward"] / sum(counts.values()), counts


# %% wrong="down's bias as wide as the hidden layer" of="parameter_share" check="the feed-forward layers" says="10 for up and 4 for down"
def parameter_share(model):
    D, K, L, ups = model.d_model, model.kv_width, model.num_layers, 1 + model.gated
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (2 * D * (D + K) + model.bias * 2 * (D + K)),
        "feed_forward": L * ((ups + 1) * D * model.d_ff + model.bias * (ups + 1) * model.d_ff),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed_forward"] / sum(counts.values()), counts


# %% wrong="biases always" of="parameter_share" check="the feed-forward layers" says="no biases: two matrices"
def parameter_share(model):
    D, K, L, ups = model.d_model, model.kv_width, model.num_layers, 1 + model.gated
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (2 * D * (D + K) + 2 * (D + K)),
        "feed_forward": L * ((ups + 1) * D * model.d_ff + ups * model.d_ff + D),
        "norms": (2 * L + 1) * D * 2,
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed_forward"] / sum(counts.values()), counts


# %% wrong="a width of four times the model's" of="parameter_share" check="the feed-forward layers" says="two matrices of 4 · 10"
def parameter_share(model):
    D, K, L = model.d_model, model.kv_width, model.num_layers
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (2 * D * (D + K) + model.bias * 2 * (D + K)),
        "feed_forward": L * (8 * D * D + model.bias * 5 * D),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed_forward"] / sum(counts.values()), counts


# %% wrong="keys and values as wide as queries" of="parameter_share" check="attention, with keys" says="keys and values 6 · 2 each"
def parameter_share(model):
    D, L, ups = model.d_model, model.num_layers, 1 + model.gated
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (4 * D * D + model.bias * 4 * D),
        "feed_forward": L * ((ups + 1) * D * model.d_ff + model.bias * (ups * model.d_ff + D)),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed_forward"] / sum(counts.values()), counts


# %% wrong="the output matrix forgotten" of="parameter_share" check="attention, with keys" says="four matrices of 6 · 6"
def parameter_share(model):
    D, K, L, ups = model.d_model, model.kv_width, model.num_layers, 1 + model.gated
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (D * (D + 2 * K) + model.bias * (D + 2 * K)),
        "feed_forward": L * ((ups + 1) * D * model.d_ff + model.bias * (ups * model.d_ff + D)),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed_forward"] / sum(counts.values()), counts


# %% wrong="attention's biases all of the full width" of="parameter_share" check="attention, with keys" says="2 for keys, 2 for values"
def parameter_share(model):
    D, K, L, ups = model.d_model, model.kv_width, model.num_layers, 1 + model.gated
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (2 * D * (D + K) + model.bias * 4 * D),
        "feed_forward": L * ((ups + 1) * D * model.d_ff + model.bias * (ups * model.d_ff + D)),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed_forward"] / sum(counts.values()), counts


# %% wrong="no norm outside of the layers" of="parameter_share" check="embeddings, norms" says="2 · 3 + 1 norms"
def parameter_share(model):
    D, K, L, ups = model.d_model, model.kv_width, model.num_layers, 1 + model.gated
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (2 * D * (D + K) + model.bias * 2 * (D + K)),
        "feed_forward": L * ((ups + 1) * D * model.d_ff + model.bias * (ups * model.d_ff + D)),
        "norms": 2 * L * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed_forward"] / sum(counts.values()), counts


# %% wrong="tied counted twice" of="parameter_share" check="embeddings, norms" says="a tied output layer costs nothing"
def parameter_share(model):
    D, K, L, ups = model.d_model, model.kv_width, model.num_layers, 1 + model.gated
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (2 * D * (D + K) + model.bias * 2 * (D + K)),
        "feed_forward": L * ((ups + 1) * D * model.d_ff + model.bias * (ups * model.d_ff + D)),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": model.vocab_size * D,
    }
    return counts["feed_forward"] / sum(counts.values()), counts


# %% wrong="tables of positions forgotten" of="parameter_share" check="embeddings, norms" says="5 more rows of 4"
def parameter_share(model):
    D, K, L, ups = model.d_model, model.kv_width, model.num_layers, 1 + model.gated
    counts = {
        "embeddings": model.vocab_size * D,
        "attention": L * (2 * D * (D + K) + model.bias * 2 * (D + K)),
        "feed_forward": L * ((ups + 1) * D * model.d_ff + model.bias * (ups * model.d_ff + D)),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed_forward"] / sum(counts.values()), counts


# %% wrong="a hyphen in the key" of="parameter_share" check="embeddings, norms" says="spelled as in the table"
def parameter_share(model):
    D, K, L, ups = model.d_model, model.kv_width, model.num_layers, 1 + model.gated
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (2 * D * (D + K) + model.bias * 2 * (D + K)),
        "feed-forward": L * ((ups + 1) * D * model.d_ff + model.bias * (ups * model.d_ff + D)),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed-forward"] / sum(counts.values()), counts


# %% wrong="the share of the blocks" of="parameter_share" check="three models" says="The share is of all parameters"
def parameter_share(model):
    D, K, L, ups = model.d_model, model.kv_width, model.num_layers, 1 + model.gated
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (2 * D * (D + K) + model.bias * 2 * (D + K)),
        "feed_forward": L * ((ups + 1) * D * model.d_ff + model.bias * (ups * model.d_ff + D)),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed_forward"] / (counts["feed_forward"] + counts["attention"] + counts["norms"]), counts


# %% wrong="in percent" of="parameter_share" check="three models" says="expected 0.4554"
def parameter_share(model):
    D, K, L, ups = model.d_model, model.kv_width, model.num_layers, 1 + model.gated
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (2 * D * (D + K) + model.bias * 2 * (D + K)),
        "feed_forward": L * ((ups + 1) * D * model.d_ff + model.bias * (ups * model.d_ff + D)),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return 100 * counts["feed_forward"] / sum(counts.values()), counts


# %% wrong="only the counts" of="parameter_share" check="the feed-forward layers" says="your code raised"
def parameter_share(model):
    D, K, L, ups = model.d_model, model.kv_width, model.num_layers, 1 + model.gated
    return {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (2 * D * (D + K) + model.bias * 2 * (D + K)),
        "feed_forward": L * ((ups + 1) * D * model.d_ff + model.bias * (ups * model.d_ff + D)),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }


# %% wrong="counts first" of="parameter_share" check="the feed-forward layers" says="your code raised"
def parameter_share(model):
    D, K, L, ups = model.d_model, model.kv_width, model.num_layers, 1 + model.gated
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (2 * D * (D + K) + model.bias * 2 * (D + K)),
        "feed_forward": L * ((ups + 1) * D * model.d_ff + model.bias * (ups * model.d_ff + D)),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts, counts["feed_forward"] / sum(counts.values())


# %% right="counted on tensors that take no memory" of="parameter_share"
def parameter_share(model):
    D, K, width = model.d_model, model.kv_width, model.d_ff

    def size(*modules):
        return sum(p.numel() for module in modules for p in module.parameters())

    def linear(inputs, outputs):
        return nn.Linear(inputs, outputs, bias=model.bias, device="meta")

    counts = {
        "embeddings": size(nn.Embedding(model.vocab_size, D, device="meta")) + model.table_rows * D,
        "attention": model.num_layers * size(linear(D, D), linear(D, K), linear(D, K), linear(D, D)),
        "feed_forward": model.num_layers * size(linear(D, width), linear(width, D)),
        "norms": (2 * model.num_layers + 1) * size(nn.LayerNorm(D, bias=model.bias, device="meta")),
        "output": 0,
    }
    if model.gated:
        counts["feed_forward"] += model.num_layers * size(linear(D, width))
    if not model.tied:
        counts["output"] = size(nn.Linear(D, model.vocab_size, bias=False, device="meta"))
    return counts["feed_forward"] / sum(counts.values()), counts


# %% right="layer by layer" of="parameter_share"
def parameter_share(model):
    D, K, width = model.d_model, model.kv_width, model.d_ff
    counts = dict.fromkeys(("norms", "output", "attention", "embeddings", "feed_forward"), 0)
    counts["norms"] = D
    if model.bias:
        counts["norms"] += D
    for _ in range(model.num_layers):
        shapes = [(D, width)] * (2 if model.gated else 1) + [(width, D)]
        counts["feed_forward"] += sum(a * b + (b if model.bias else 0) for a, b in shapes)
        counts["attention"] += sum(D * b + (b if model.bias else 0) for b in (D, K, K, D))
        counts["norms"] += 4 * D if model.bias else 2 * D
    counts["embeddings"] = model.vocab_size * D + model.table_rows * D
    if not model.tied:
        counts["output"] = D * model.vocab_size
    return counts["feed_forward"] / sum(counts.values()), counts


# %% right="a list for the result" of="parameter_share"
def parameter_share(model):
    D, L, b = model.d_model, model.num_layers, int(model.bias)
    ups = 2 if model.gated else 1
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": 2 * L * (D + b) * (D + model.kv_width),
        "feed_forward": L * ((D + b) * ups * model.d_ff + (model.d_ff + b) * D),
        "norms": (1 + b) * (2 * L + 1) * D,
        "output": (not model.tied) * model.vocab_size * D,
    }
    return [counts["feed_forward"] / sum(counts.values()), counts]


# %% wrong="float64 whatever comes in" of="gelu" check="normal distribution function" says="float32 in, float32 out"
def gelu(x, approximate="none"):
    x = x.double()
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="float32 whatever comes in" of="gelu" check="normal distribution function" says="float64 in, float64 out"
def gelu(x, approximate="none"):
    x = x.float()
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="any text taken for tanh" of="gelu" check="normal distribution function" says="the default is the exact form"
def gelu(x, approximate="none"):
    if approximate:
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="the cube's factor rounded" of="gelu" check="approximation with tanh" says="0.044715 for the cube"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.0447 * x**3)))
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="in place with tanh" of="gelu" check="approximation with tanh" says="changed in place"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        x *= 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        return x
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="detached switch with tanh" of="gelu" check="large inputs" says="with tanh: the slope is 0"
def gelu(x, approximate="none"):
    if approximate == "tanh":
        return x * 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))).detach()
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# %% wrong="float32 whatever comes in" of="silu" check="x times its sigmoid" says="float64 in, float64 out"
def silu(x):
    return x.float() * torch.sigmoid(x.float())


# %% wrong="x without its gradient" of="silu" check="large inputs" says="no .data"
def silu(x):
    return torch.sigmoid(x) * x.data


# %% wrong="dropout before the activation" of="FeedForward" check="dropout takes hidden units" says="dropout comes after the activation"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.down(self.activation(self.dropout(self.up(x))))


# %% wrong="dropped, the others not scaled up" of="FeedForward" check="dropout takes hidden units" says="becomes 0 or 2"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = dropout

    def forward(self, x):
        hidden = self.activation(self.up(x))
        if self.training:
            hidden = hidden * (torch.rand_like(hidden) >= self.dropout)
        return self.down(hidden)


# %% wrong="PyTorch's default rate" of="FeedForward" check="dropout takes hidden units" says="training with dropout=1"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout()

    def forward(self, x):
        return self.down(self.dropout(self.activation(self.up(x))))


# %% wrong="never a bias" of="FeedForward" check="two linear layers" says="with a bias by default"
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, activation=F.relu, bias=True, dropout=0.0):
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=False)
        self.down = nn.Linear(d_ff, d_model, bias=False)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.down(self.dropout(self.activation(self.up(x))))


# %% wrong="three axes expected" of="SwiGLU" check="the gate is bent" says="your code raised ValueError"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        B, T, D = x.shape
        rows = x.reshape(B * T, D)
        return self.down(silu(self.gate(rows)) * self.up(rows)).view(B, T, D)


# %% wrong="down's weights detached" of="SwiGLU" check="gradients reach" says="reaches down"
class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff, bias=False):
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        return F.linear(silu(self.gate(x)) * self.up(x), self.down.weight.detach(), self.down.bias)


# %% wrong="gate and up share one bias" of="parameter_share" check="the feed-forward layers" says="10 for gate, 10 for up"
def parameter_share(model):
    D, K, L, ups = model.d_model, model.kv_width, model.num_layers, 1 + model.gated
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": L * (2 * D * (D + K) + model.bias * 2 * (D + K)),
        "feed_forward": L * ((ups + 1) * D * model.d_ff + model.bias * (model.d_ff + D)),
        "norms": (2 * L + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed_forward"] / sum(counts.values()), counts
