# %% wrong="statistics of each row" of="BatchNorm" check="in training" says="statistics along axis 0"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, correction=0)
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="unbiased variance in the output" of="BatchNorm" check="in training" says="divided by N (correction=0)"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if self.training:
            rows = x.flatten(0, -2)
            mean, var = rows.mean(0), rows.var(0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var, self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="divided by the variance" of="BatchNorm" check="in training" says="the deviation its root"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        rows = x.flatten(0, -2)
        return (x - rows.mean(0)) / (rows.var(0, correction=0) + self.eps) * self.weight + self.bias


# %% wrong="eps outside the root" of="BatchNorm" check="in training" says="eps is added to the variance, inside the root"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        rows = x.flatten(0, -2)
        return (x - rows.mean(0)) / (rows.std(0, correction=0) + self.eps) * self.weight + self.bias


# %% wrong="weight and bias forgotten" of="BatchNorm" check="in training" says="mean 0 over the rows"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        rows = x.flatten(0, -2)
        return (x - rows.mean(0)) / torch.sqrt(rows.var(0, correction=0) + self.eps)


# %% wrong="running statistics never updated" of="BatchNorm" check="follow the batches" says="plus 0.1 of the mean"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        rows = x.flatten(0, -2)
        mean, var = (rows.mean(0), rows.var(0, correction=0)) if self.training else (self.running_mean, self.running_var)
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="biased running variance" of="BatchNorm" check="follow the batches" says="unbiased variance, over N - 1"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if self.training:
            rows = x.flatten(0, -2)
            mean, var = rows.mean(0), rows.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var, self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="momentum the wrong way round" of="BatchNorm" check="follow the batches" says="0.9 of the old"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if self.training:
            rows = x.flatten(0, -2)
            mean, var = rows.mean(0), rows.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.copy_(self.momentum * self.running_mean + (1 - self.momentum) * mean)
                self.running_var.copy_(self.momentum * self.running_var + (1 - self.momentum) * rows.var(0))
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="momentum typed in" of="BatchNorm" check="follow the batches" says="read it off the layer"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if self.training:
            rows = x.flatten(0, -2)
            mean, var = rows.mean(0), rows.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, 0.1)
                self.running_var.lerp_(rows.var(0), 0.1)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="running statistics carry a graph" of="BatchNorm" check="follow the batches" says="no graph hangs"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if self.training:
            rows = x.flatten(0, -2)
            mean, var = rows.mean(0), rows.var(0, correction=0)
            self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
            self.running_var = (1 - self.momentum) * self.running_var + self.momentum * rows.var(0)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="one mode for both" of="BatchNorm" check="in evaluation" says="after .eval() μ and σ² are the running"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        rows = x.flatten(0, -2)
        mean, var = rows.mean(0), rows.var(0, correction=0)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(rows.var(0), self.momentum)
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="learns in evaluation" of="BatchNorm" check="in evaluation" says="in evaluation nothing is learned"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        rows = x.flatten(0, -2)
        if self.training:
            mean, var = rows.mean(0), rows.var(0, correction=0)
        else:
            mean, var = self.running_mean.clone(), self.running_var.clone()
        with torch.no_grad():
            self.running_mean.lerp_(rows.mean(0), self.momentum)
            self.running_var.lerp_(rows.var(0), self.momentum)
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="running statistics in training too" of="BatchNorm" check="in training" says="mean 0 over the rows"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if self.training:
            rows = x.flatten(0, -2)
            with torch.no_grad():
                self.running_mean.lerp_(rows.mean(0), self.momentum)
                self.running_var.lerp_(rows.var(0), self.momentum)
        return (x - self.running_mean) / torch.sqrt(self.running_var + self.eps) * self.weight + self.bias


# %% wrong="over the batch axis alone" of="BatchNorm" check="tokens of all sequences" says="over both leading axes"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if self.training:
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean = self.running_mean.lerp(mean, self.momentum)
                self.running_var = self.running_var.lerp(x.var(0), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="two leading axes assumed" of="BatchNorm" check="tokens of all sequences" says="three leading axes"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if self.training:
            rows = x.flatten(0, 1) if x.dim() > 2 else x
            mean, var = rows.mean(0), rows.var(0, correction=0)
            with torch.no_grad():
                self.running_mean = self.running_mean.lerp(mean, self.momentum)
                self.running_var = self.running_var.lerp(rows.var(0), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="statistics without gradients" of="BatchNorm" check="gradients pass" says="outside torch.no_grad()"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            with torch.no_grad():
                rows = x.flatten(0, -2)
                mean, var = rows.mean(0), rows.var(0, correction=0)
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(rows.var(0), self.momentum)
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="the forbidden call" of="BatchNorm" check="in training" says="may not call torch.nn.functional.batch_norm"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training)


# %% right="axes instead of rows, detach instead of no_grad" of="BatchNorm"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if not self.training:
            return self.scaled((x - self.running_mean) / (self.running_var + self.eps) ** 0.5)
        axes = tuple(range(x.ndim - 1))
        n = x.numel() // x.shape[-1]
        mean = x.mean(axes)
        var = ((x - mean) ** 2).mean(axes)
        self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean.detach()
        self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var.detach() * n / (n - 1)
        return self.scaled((x - mean) * torch.rsqrt(var + self.eps))

    def scaled(self, normalised):
        return torch.addcmul(self.bias, normalised, self.weight)


# %% right="rows throughout, back into shape at the end" of="BatchNorm"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        rows = x.reshape(-1, x.size(-1))
        mean, var = self.running_mean, self.running_var
        if self.training:
            var, mean = torch.var_mean(rows, dim=0, correction=0)
            N = len(rows)
            with torch.no_grad():
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var.mul_(1 - self.momentum).add_(self.momentum * N / (N - 1) * var)
        return ((rows - mean) / (var + self.eps).sqrt() * self.weight + self.bias).view_as(x)


# %% wrong="over the tokens" of="LayerNorm" check="over its own features" says="statistics along the last axis"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        mean, var = x.mean(0, keepdim=True), x.var(0, keepdim=True, correction=0)
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="over all axes but the first" of="LayerNorm" check="over its own features" says="statistics along the last axis"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        axes = tuple(range(1, x.ndim)) if x.ndim > 1 else (0,)
        mean, var = x.mean(axes, keepdim=True), x.var(axes, keepdim=True, correction=0)
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="unbiased variance" of="LayerNorm" check="over its own features" says="divided by D (correction=0)"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True)
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="divided by the variance" of="LayerNorm" check="over its own features" says="the deviation its root"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, correction=0)
        return (x - mean) / (var + self.eps) * self.weight + self.bias


# %% wrong="eps outside the root" of="LayerNorm" check="eps is added" says="sqrt(var + eps), not sqrt(var) + eps"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True, correction=0) + self.eps) * self.weight + self.bias


# %% wrong="eps typed in" of="LayerNorm" check="eps is added" says="keep the constructor's eps"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, correction=0)
        return (x - mean) / torch.sqrt(var + 1e-5) * self.weight + self.bias


# %% wrong="plain tensors" of="LayerNorm" check="has weight, ones" says="each an nn.Parameter"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = torch.ones(d_model)
        self.bias = torch.zeros(d_model)

    def forward(self, x):
        mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, correction=0)
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="the paper's names" of="LayerNorm" check="has weight, ones" says="self.weight and self.bias"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(d_model))
        self.beta = nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, correction=0)
        return (x - mean) / torch.sqrt(var + self.eps) * self.gamma + self.beta


# %% wrong="weight starts at zero" of="LayerNorm" check="has weight, ones" says="weight starts as d_model ones"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.zeros(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, correction=0)
        return (x - mean) / torch.sqrt(var + self.eps) * (1 + self.weight) + self.bias


# %% wrong="statistics without gradients" of="LayerNorm" check="gradients of x" says="no detach"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        mean, var = x.detach().mean(-1, keepdim=True), x.detach().var(-1, keepdim=True, correction=0)
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


# %% wrong="the forbidden call" of="LayerNorm" check="over its own features" says="may not call torch.nn.functional.layer_norm"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


# %% right="var with correction=0" of="LayerNorm"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.eps = eps

    def forward(self, x):
        var, mean = torch.var_mean(x, dim=-1, keepdim=True, correction=0)
        return self.bias + self.weight * (x - mean) * torch.rsqrt(var + self.eps)


# %% right="mean of squares minus square of the mean, in float64" of="LayerNorm"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.full((d_model,), 1.0)), nn.Parameter(torch.full((d_model,), 0.0))
        self.eps, self.width = eps, d_model

    def forward(self, x):
        y = x.double()
        mean = y.sum(dim=-1)[..., None] / self.width
        var = (y * y).sum(dim=-1)[..., None] / self.width - mean**2
        return ((y - mean) / (var + self.eps).sqrt()).to(x.dtype) * self.weight + self.bias


# %% right="token by token" of="LayerNorm"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        tokens = [(t - t.mean()) / (t.var(correction=0) + self.eps) ** 0.5 for t in x.reshape(-1, x.shape[-1])]
        return torch.stack(tokens).view(x.shape) * self.weight + self.bias


# %% wrong="mean subtracted" of="RMSNorm" check="has weight, ones" says="no mean is subtracted"
class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x):
        x = x - x.mean(-1, keepdim=True)
        return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


# %% wrong="divided by the standard deviation" of="RMSNorm" check="over its own features" says="mean 1"
class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x):
        return x / torch.sqrt(x.var(-1, keepdim=True, correction=0) + self.eps) * self.weight


# %% wrong="the length instead of the root mean square" of="RMSNorm" check="has weight, ones" says="have mean 9"
class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x):
        return x / torch.sqrt(x.pow(2).sum(-1, keepdim=True) + self.eps) * self.weight


# %% wrong="no root" of="RMSNorm" check="over its own features" says="and the root"
class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x):
        return x / (x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


# %% wrong="along the first axis" of="RMSNorm" check="over its own features" says="along the last axis"
class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x):
        return x / torch.sqrt(x.pow(2).mean(0, keepdim=True) + self.eps) * self.weight


# %% wrong="eps outside the root" of="RMSNorm" check="eps is added" says="sqrt(mean of squares + eps)"
class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x):
        return x / (x.pow(2).mean(-1, keepdim=True).sqrt() + self.eps) * self.weight


# %% wrong="with a bias" of="RMSNorm" check="has weight, ones" says="RMSNorm has no bias"
class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight + self.bias


# %% wrong="no gradient through the root mean square" of="RMSNorm" check="gradients of x" says="no detach"
class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x):
        return x / torch.sqrt(x.detach().pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


# %% right="rsqrt" of="RMSNorm"
class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.eps = eps

    def forward(self, x):
        return self.weight * (x * torch.rsqrt((x * x).mean(dim=-1, keepdim=True) + self.eps))


# %% right="by the vector norm, in float64" of="RMSNorm"
class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.eps, self.width = eps, d_model

    def forward(self, x):
        square = torch.linalg.vector_norm(x.double(), dim=-1, keepdim=True) ** 2 / self.width
        return (x / (square + self.eps) ** 0.5).to(x.dtype) * self.weight


# %% wrong="only divided by σ" of="layer_norm_backward" check="no part along" says="subtract the mean of ĝ"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    std = torch.sqrt(x.var(-1, keepdim=True, correction=0) + eps)
    x_hat = (x - x.mean(-1, keepdim=True)) / std
    return grad_out * weight / std, (grad_out * x_hat).flatten(0, -2).sum(0), grad_out.flatten(0, -2).sum(0)


# %% wrong="path through σ forgotten" of="layer_norm_backward" check="no part along" says="at right angles to it"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    std = torch.sqrt(x.var(-1, keepdim=True, correction=0) + eps)
    x_hat = (x - x.mean(-1, keepdim=True)) / std
    g = grad_out * weight
    grad_x = (g - g.mean(-1, keepdim=True)) / std
    return grad_x, (grad_out * x_hat).flatten(0, -2).sum(0), grad_out.flatten(0, -2).sum(0)


# %% wrong="path through μ forgotten" of="layer_norm_backward" check="no part along" says="each token's gradient sums to 0"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    std = torch.sqrt(x.var(-1, keepdim=True, correction=0) + eps)
    x_hat = (x - x.mean(-1, keepdim=True)) / std
    g = grad_out * weight
    grad_x = (g - x_hat * (g * x_hat).mean(-1, keepdim=True)) / std
    return grad_x, (grad_out * x_hat).flatten(0, -2).sum(0), grad_out.flatten(0, -2).sum(0)


# %% wrong="weight forgotten in grad_x" of="layer_norm_backward" check="grad_x is autograd's" says="with ĝ = g · weight"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    std = torch.sqrt(x.var(-1, keepdim=True, correction=0) + eps)
    x_hat = (x - x.mean(-1, keepdim=True)) / std
    g = grad_out
    grad_x = (g - g.mean(-1, keepdim=True) - x_hat * (g * x_hat).mean(-1, keepdim=True)) / std
    return grad_x, (grad_out * x_hat).flatten(0, -2).sum(0), grad_out.flatten(0, -2).sum(0)


# %% wrong="not divided by σ" of="layer_norm_backward" check="no part along" says="divide by σ, once"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    std = torch.sqrt(x.var(-1, keepdim=True, correction=0) + eps)
    x_hat = (x - x.mean(-1, keepdim=True)) / std
    g = grad_out * weight
    grad_x = g - g.mean(-1, keepdim=True) - x_hat * (g * x_hat).mean(-1, keepdim=True)
    return grad_x, (grad_out * x_hat).flatten(0, -2).sum(0), grad_out.flatten(0, -2).sum(0)


# %% wrong="x instead of x̂ for the weight" of="layer_norm_backward" check="weight and bias collect" says="x̂ = (x - μ)"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    std = torch.sqrt(x.var(-1, keepdim=True, correction=0) + eps)
    x_hat = (x - x.mean(-1, keepdim=True)) / std
    g = grad_out * weight
    grad_x = (g - g.mean(-1, keepdim=True) - x_hat * (g * x_hat).mean(-1, keepdim=True)) / std
    return grad_x, (grad_out * x).flatten(0, -2).sum(0), grad_out.flatten(0, -2).sum(0)


# %% wrong="summed over the batch alone" of="layer_norm_backward" check="weight and bias collect" says="one number per feature"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    std = torch.sqrt(x.var(-1, keepdim=True, correction=0) + eps)
    x_hat = (x - x.mean(-1, keepdim=True)) / std
    g = grad_out * weight
    grad_x = (g - g.mean(-1, keepdim=True) - x_hat * (g * x_hat).mean(-1, keepdim=True)) / std
    return grad_x, (grad_out * x_hat).sum(0), grad_out.sum(0)


# %% wrong="averaged over the tokens" of="layer_norm_backward" check="weight and bias collect" says="sum grad_out over all tokens"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    std = torch.sqrt(x.var(-1, keepdim=True, correction=0) + eps)
    x_hat = (x - x.mean(-1, keepdim=True)) / std
    g = grad_out * weight
    grad_x = (g - g.mean(-1, keepdim=True) - x_hat * (g * x_hat).mean(-1, keepdim=True)) / std
    return grad_x, (grad_out * x_hat).flatten(0, -2).mean(0), grad_out.flatten(0, -2).mean(0)


# %% wrong="unbiased variance" of="layer_norm_backward" check="grad_x is autograd's" says="variance over D"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    std = torch.sqrt(x.var(-1, keepdim=True) + eps)
    x_hat = (x - x.mean(-1, keepdim=True)) / std
    g = grad_out * weight
    grad_x = (g - g.mean(-1, keepdim=True) - x_hat * (g * x_hat).mean(-1, keepdim=True)) / std
    return grad_x, (grad_out * x_hat).flatten(0, -2).sum(0), grad_out.flatten(0, -2).sum(0)


# %% wrong="autograd asked" of="layer_norm_backward" check="grad_x is autograd's" says="may not call torch.autograd.grad"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    bias = torch.zeros_like(weight, requires_grad=True)
    out = F.layer_norm(x, weight.shape, weight, bias, eps)
    return torch.autograd.grad(out, (x, weight, bias), grad_out)


# %% right="by the matrix of derivatives" of="layer_norm_backward"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    D = x.shape[-1]
    std = ((x - x.mean(-1, keepdim=True)).pow(2).mean(-1) + eps).sqrt()
    x_hat = (x - x.mean(-1, keepdim=True)) / std[..., None]
    jacobian = (torch.eye(D, dtype=x.dtype) - 1 / D - x_hat[..., :, None] * x_hat[..., None, :] / D) / std[..., None, None]
    grad_x = torch.einsum("...i,...ij->...j", grad_out * weight, jacobian)
    axes = list(range(x.ndim - 1))
    return grad_x, (grad_out * x_hat).sum(axes), grad_out.sum(axes)


# %% right="with sums over D, as a list" of="layer_norm_backward"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    D = x.shape[-1]
    rstd = torch.rsqrt(torch.var(x, -1, correction=0, keepdim=True) + eps)
    x_hat = (x - x.mean(-1, keepdim=True)) * rstd
    g = grad_out * weight
    grad_x = rstd / D * (D * g - g.sum(-1, keepdim=True) - x_hat * (g * x_hat).sum(-1, keepdim=True))
    rows = grad_out.reshape(-1, D)
    return [grad_x, (rows * x_hat.reshape(-1, D)).sum(0), rows.sum(0)]


# %% wrong="layer norm's formula" of="rms_norm_backward" check="grad_x is autograd's" says="no mean of ĝ is subtracted"
def rms_norm_backward(grad_out, x, weight, eps=1e-6):
    rms = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps)
    x_hat = x / rms
    g = grad_out * weight
    g = g - g.mean(-1, keepdim=True)
    grad_x = (g - x_hat * (g * x_hat).mean(-1, keepdim=True)) / rms
    return grad_x, (grad_out * x_hat).flatten(0, -2).sum(0)


# %% wrong="only divided by r" of="rms_norm_backward" check="grad_x is autograd's" says="at right angles to it"
def rms_norm_backward(grad_out, x, weight, eps=1e-6):
    rms = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps)
    return grad_out * weight / rms, (grad_out * x / rms).flatten(0, -2).sum(0)


# %% wrong="sum in place of the mean" of="rms_norm_backward" check="grad_x is autograd's" says="at right angles to it"
def rms_norm_backward(grad_out, x, weight, eps=1e-6):
    rms = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps)
    x_hat = x / rms
    g = grad_out * weight
    return (g - x_hat * (g * x_hat).sum(-1, keepdim=True)) / rms, (grad_out * x_hat).flatten(0, -2).sum(0)


# %% wrong="weight forgotten in grad_x" of="rms_norm_backward" check="grad_x is autograd's" says="ĝ = g · weight"
def rms_norm_backward(grad_out, x, weight, eps=1e-6):
    rms = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps)
    x_hat = x / rms
    return ((grad_out - x_hat * (grad_out * x_hat).mean(-1, keepdim=True)) / rms,
            (grad_out * x_hat).flatten(0, -2).sum(0))


# %% wrong="not divided by r" of="rms_norm_backward" check="grad_x is autograd's" says="divide by r, once"
def rms_norm_backward(grad_out, x, weight, eps=1e-6):
    rms = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps)
    x_hat = x / rms
    g = grad_out * weight
    return g - x_hat * (g * x_hat).mean(-1, keepdim=True), (grad_out * x_hat).flatten(0, -2).sum(0)


# %% wrong="x instead of x̂ for the weight" of="rms_norm_backward" check="weight collects" says="x̂ is x /"
def rms_norm_backward(grad_out, x, weight, eps=1e-6):
    rms = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps)
    x_hat = x / rms
    g = grad_out * weight
    return (g - x_hat * (g * x_hat).mean(-1, keepdim=True)) / rms, (grad_out * x).flatten(0, -2).sum(0)


# %% wrong="the weight's gradient per token" of="rms_norm_backward" check="weight collects" says="one number per feature"
def rms_norm_backward(grad_out, x, weight, eps=1e-6):
    rms = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps)
    x_hat = x / rms
    g = grad_out * weight
    return (g - x_hat * (g * x_hat).mean(-1, keepdim=True)) / rms, grad_out * x_hat


# %% wrong="results in the other order" of="rms_norm_backward" check="grad_x is autograd's" says="grad_x has the shape of x"
def rms_norm_backward(grad_out, x, weight, eps=1e-6):
    rms = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps)
    x_hat = x / rms
    g = grad_out * weight
    return (grad_out * x_hat).flatten(0, -2).sum(0), (g - x_hat * (g * x_hat).mean(-1, keepdim=True)) / rms


# %% right="by the matrix of derivatives" of="rms_norm_backward"
def rms_norm_backward(grad_out, x, weight, eps=1e-6):
    D = x.shape[-1]
    rms = (x.square().mean(-1) + eps).sqrt()
    x_hat = x / rms[..., None]
    jacobian = (torch.eye(D, dtype=x.dtype) - x_hat[..., :, None] * x_hat[..., None, :] / D) / rms[..., None, None]
    grad_x = ((grad_out * weight)[..., None, :] @ jacobian).squeeze(-2)
    return grad_x, torch.einsum("...d,...d->d", grad_out, x_hat)


# %% right="in terms of x itself" of="rms_norm_backward"
def rms_norm_backward(grad_out, x, weight, eps=1e-6):
    r = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)
    g = grad_out * weight
    dot = (g * x).sum(-1, keepdim=True) / x.shape[-1]
    return r * g - r**3 * x * dot, (grad_out * x * r).reshape(-1, x.shape[-1]).sum(dim=0)


# %% wrong="post-norm" of="PreNormBlock" check="the stream passes" says="add x itself, unnormalised"
class PreNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return self.norm(x + self.sublayer(x, *args, **kwargs))


# %% wrong="the normalised x is added" of="PreNormBlock" check="the stream passes" says="add x itself, unnormalised"
class PreNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        x = self.norm(x)
        return x + self.sublayer(x, *args, **kwargs)


# %% wrong="the sublayer's result is normalised" of="PreNormBlock" check="the stream passes" says="result is added as it is"
class PreNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return x + self.norm(self.sublayer(x, *args, **kwargs))


# %% wrong="nothing is normalised" of="PreNormBlock" check="the stream passes" says="the sublayer reads norm(x)"
class PreNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return x + self.sublayer(x, *args, **kwargs)


# %% wrong="no residual" of="PreNormBlock" check="the stream passes" says="x must come out as it went in"
class PreNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return self.sublayer(self.norm(x), *args, **kwargs)


# %% wrong="always a layer norm" of="PreNormBlock" check="x + f(norm(x))" says="by the class that was handed in"
class PreNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = LayerNorm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return x + self.sublayer(self.norm(x), *args, **kwargs)


# %% wrong="other names" of="PreNormBlock" check="x + f(norm(x))" says="attributes self.norm = norm(d_model)"
class PreNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.ln, self.f = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return x + self.f(self.ln(x), *args, **kwargs)


# %% wrong="further arguments dropped" of="PreNormBlock" check="further arguments" says="missing 1 required positional argument"
class PreNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return x + self.sublayer(self.norm(x))


# %% wrong="the norm made anew at every call" of="PreNormBlock" check="x + f(norm(x))" says="attributes self.norm"
class PreNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.make, self.sublayer, self.d_model = norm, sublayer, d_model

    def forward(self, x, *args, **kwargs):
        return x + self.sublayer(self.make(self.d_model)(x), *args, **kwargs)


# %% right="in steps" of="PreNormBlock"
class PreNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.sublayer = sublayer
        self.norm = norm(d_model)

    def forward(self, x, *args, **kwargs):
        added = self.sublayer(self.norm(x), *args, **kwargs)
        return added + x


# %% right="other names for the arguments" of="PreNormBlock"
class PreNormBlock(nn.Module):
    def __init__(self, width, f, norm=LayerNorm):
        nn.Module.__init__(self)
        self.norm, self.sublayer = norm(width), f

    def forward(self, stream, *others, **named):
        return torch.add(stream, self.sublayer(self.norm(stream), *others, **named))


# %% wrong="pre-norm" of="PostNormBlock" check="what comes out" says="norm(x + 0) is norm(x)"
class PostNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return x + self.sublayer(self.norm(x), *args, **kwargs)


# %% wrong="the sublayer reads norm(x)" of="PostNormBlock" check="what comes out" says="the sublayer reads x as it is"
class PostNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return self.norm(x + self.sublayer(self.norm(x), *args, **kwargs))


# %% wrong="only the sublayer's result is normalised" of="PostNormBlock" check="what comes out" says="norm(x + 0) is norm(x)"
class PostNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return x + self.norm(self.sublayer(x, *args, **kwargs))


# %% wrong="no residual" of="PostNormBlock" check="what comes out" says="norm(x + 0) is norm(x)"
class PostNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return self.norm(self.sublayer(x, *args, **kwargs))


# %% wrong="normalised apart, then added" of="PostNormBlock" check="what comes out" says="the norm comes last, over the sum"
class PostNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return self.norm(x) + self.sublayer(x, *args, **kwargs)


# %% wrong="always a layer norm" of="PostNormBlock" check="norm(x + f(x))" says="by the class that was handed in"
class PostNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = LayerNorm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return self.norm(x + self.sublayer(x, *args, **kwargs))


# %% wrong="further arguments dropped" of="PostNormBlock" check="further arguments" says="missing 1 required positional argument"
class PostNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return self.norm(x + self.sublayer(x))


# %% right="in steps" of="PostNormBlock"
class PostNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm = norm(d_model)
        self.sublayer = sublayer

    def forward(self, x, *args, **kwargs):
        total = self.sublayer(x, *args, **kwargs) + x
        return self.norm(total)


# %% right="derived from PreNormBlock" of="PostNormBlock"
class PostNormBlock(PreNormBlock):
    def forward(self, x, *args, **kwargs):
        return self.norm(torch.add(x, self.sublayer(x, *args, **kwargs)))


# %% wrong="eps typed in" of="BatchNorm" check="in training" says="read it off the layer, self.eps"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if self.training:
            rows = x.flatten(0, -2)
            mean, var = rows.mean(0), rows.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(rows.var(0), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) / torch.sqrt(var + 1e-5) * self.weight + self.bias


# %% wrong="eps in training only" of="BatchNorm" check="in evaluation" says="eps (here 0.5), weight and bias as before"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if self.training:
            rows = x.flatten(0, -2)
            mean, var = rows.mean(0), rows.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(rows.var(0), self.momentum)
            return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias
        return (x - self.running_mean) / torch.sqrt(self.running_var) * self.weight + self.bias


# %% wrong="bias before weight" of="BatchNorm" check="in training" says="times weight, plus bias, in this order"
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if self.training:
            rows = x.flatten(0, -2)
            mean, var = rows.mean(0), rows.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(rows.var(0), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return ((x - mean) / torch.sqrt(var + self.eps) + self.bias) * self.weight


# %% wrong="eps under another name" of="LayerNorm" check="has weight, ones" says="no attribute 'eps'"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.epsilon = eps

    def forward(self, x):
        centred = x - x.mean(-1, keepdim=True)
        x_hat = centred / torch.sqrt(centred.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return x_hat * self.weight + self.bias


# %% wrong="bias before weight" of="LayerNorm" check="over its own features" says="times weight, plus bias, in this order"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.eps = eps

    def forward(self, x):
        centred = x - x.mean(-1, keepdim=True)
        x_hat = centred / torch.sqrt(centred.pow(2).mean(-1, keepdim=True) + self.eps)
        return (x_hat + self.bias) * self.weight


# %% wrong="weight and bias forgotten" of="LayerNorm" check="over its own features" says="times weight, plus bias, in this order"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.eps = eps

    def forward(self, x):
        centred = x - x.mean(-1, keepdim=True)
        return centred / torch.sqrt(centred.pow(2).mean(-1, keepdim=True) + self.eps)


# %% wrong="another default for eps" of="LayerNorm" check="has weight, ones" says="1e-5 unless something else was"
class LayerNorm(nn.Module):
    def __init__(self, d_model, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.eps = eps

    def forward(self, x):
        centred = x - x.mean(-1, keepdim=True)
        x_hat = centred / torch.sqrt(centred.pow(2).mean(-1, keepdim=True) + self.eps)
        return x_hat * self.weight + self.bias


# %% wrong="weight forgotten" of="RMSNorm" check="over its own features" says="the weight multiplies, feature by feature"
class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.eps = eps

    def forward(self, x):
        return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)


# %% wrong="two leading axes assumed" of="layer_norm_backward" check="weight and bias collect" says="one leading axis or three"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    std = torch.sqrt(x.var(-1, keepdim=True, correction=0) + eps)
    x_hat = (x - x.mean(-1, keepdim=True)) / std
    g = grad_out * weight
    grad_x = (g - g.mean(-1, keepdim=True) - x_hat * (g * x_hat).mean(-1, keepdim=True)) / std
    return grad_x, (grad_out * x_hat).sum((0, 1)), grad_out.sum((0, 1))


# %% wrong="eps typed in" of="layer_norm_backward" check="no part along" says="σ² is the variance plus eps"
def layer_norm_backward(grad_out, x, weight, eps=1e-5):
    std = torch.sqrt(x.var(-1, keepdim=True, correction=0) + 1e-5)
    x_hat = (x - x.mean(-1, keepdim=True)) / std
    g = grad_out * weight
    grad_x = (g - g.mean(-1, keepdim=True) - x_hat * (g * x_hat).mean(-1, keepdim=True)) / std
    return grad_x, (grad_out * x_hat).flatten(0, -2).sum(0), grad_out.flatten(0, -2).sum(0)


# %% wrong="two leading axes assumed" of="rms_norm_backward" check="weight collects" says="one leading axis or three"
def rms_norm_backward(grad_out, x, weight, eps=1e-6):
    rms = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps)
    x_hat = x / rms
    g = grad_out * weight
    return (g - x_hat * (g * x_hat).mean(-1, keepdim=True)) / rms, (grad_out * x_hat).sum((0, 1))


# %% wrong="eps typed in" of="rms_norm_backward" check="weight collects" says="use the eps that is handed in"
def rms_norm_backward(grad_out, x, weight, eps=1e-6):
    rms = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
    x_hat = x / rms
    g = grad_out * weight
    return (g - x_hat * (g * x_hat).mean(-1, keepdim=True)) / rms, (grad_out * x_hat).flatten(0, -2).sum(0)


# %% wrong="in place" of="PreNormBlock" check="the stream passes" says="x was changed in place"
class PreNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        x += self.sublayer(self.norm(x), *args, **kwargs)
        return x


# %% wrong="one way detached" of="PreNormBlock" check="x + f(norm(x))" says="gradients pass along both ways"
class PreNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return x + self.sublayer(self.norm(x).detach(), *args, **kwargs)


# %% wrong="in place" of="PostNormBlock" check="what comes out" says="x was changed in place"
class PostNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        x += self.sublayer(x, *args, **kwargs)
        return self.norm(x)


# %% wrong="one way detached" of="PostNormBlock" check="norm(x + f(x))" says="gradients pass along both ways"
class PostNormBlock(nn.Module):
    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x, *args, **kwargs):
        return self.norm(x.detach() + self.sublayer(x, *args, **kwargs))


# %% equivalent="gradient cut@.detach()" of="layer_norm_backward" because="by the statement no input carries a graph, and nobody differentiates the result"

# %% equivalent="gradient cut@.detach()" of="rms_norm_backward" because="by the statement no input carries a graph, and nobody differentiates the result"
