# %% wrong="target equals input" of="Batches" check="windows of neighbours" says="shift by one"
class Batches(Batches):
    def next_batch(self):
        starts = torch.randint(len(self.tokens) - self.length, (self.batch_size, 1), generator=self.generator)
        windows = self.tokens[starts + torch.arange(self.length)].long()
        return windows, windows


# %% wrong="windows of T, so T - 1 inputs" of="Batches" check="windows of neighbours" says="inputs are (batch_size, length)"
class Batches(Batches):
    def next_batch(self):
        starts = torch.randint(len(self.tokens) - self.length, (self.batch_size, 1), generator=self.generator)
        windows = self.tokens[starts + torch.arange(self.length)].long()
        return windows[:, :-1], windows[:, 1:]


# %% wrong="the dtype of the tokens" of="Batches" check="windows of neighbours" says="int64 all the same"
class Batches(Batches):
    def next_batch(self):
        starts = torch.randint(len(self.tokens) - self.length, (self.batch_size, 1), generator=self.generator)
        windows = self.tokens[starts + torch.arange(self.length + 1)]
        return windows[:, :-1], windows[:, 1:]


# %% wrong="random tokens, no neighbours" of="Batches" check="windows of neighbours" says="a stretch of neighbours"
class Batches(Batches):
    def next_batch(self):
        size = (self.batch_size, self.length)
        places = torch.randint(len(self.tokens) - 1, size, generator=self.generator)
        return self.tokens[places].long(), self.tokens[places + 1].long()


# %% wrong="one start for all rows" of="Batches" check="windows of neighbours" says="a start of its own"
class Batches(Batches):
    def next_batch(self):
        start = torch.randint(len(self.tokens) - self.length, (1, 1), generator=self.generator)
        windows = self.tokens[start + torch.arange(self.length + 1)].long().repeat(self.batch_size, 1)
        return windows[:, :-1], windows[:, 1:]


# %% wrong="the last window is never drawn" of="Batches" check="every start" says="randint excludes its upper bound"
class Batches(Batches):
    def next_batch(self):
        high = max(len(self.tokens) - self.length - 1, 1)
        starts = torch.randint(high, (self.batch_size, 1), generator=self.generator)
        windows = self.tokens[starts + torch.arange(self.length + 1)].long()
        return windows[:, :-1], windows[:, 1:]


# %% wrong="one start too many" of="Batches" check="every start" says="out of bounds"
class Batches(Batches):
    def next_batch(self):
        starts = torch.randint(len(self.tokens) - self.length + 1, (self.batch_size, 1), generator=self.generator)
        windows = self.tokens[starts + torch.arange(self.length + 1)].long()
        return windows[:, :-1], windows[:, 1:]


# %% wrong="cut into chunks, only their beginnings are drawn" of="Batches" check="every start" says="windows of 4 start at 0 … 5"
class Batches(Batches):
    def next_batch(self):
        chunks = (len(self.tokens) - 1) // self.length
        starts = self.length * torch.randint(chunks, (self.batch_size, 1), generator=self.generator)
        windows = self.tokens[starts + torch.arange(self.length + 1)].long()
        return windows[:, :-1], windows[:, 1:]


# %% wrong="starts near the middle are favoured" of="Batches" check="every start" says="more often than others"
class Batches(Batches):
    def next_batch(self):
        two = torch.rand(2, self.batch_size, 1, generator=self.generator).mean(0)
        starts = (two * (len(self.tokens) - self.length)).long()
        windows = self.tokens[starts + torch.arange(self.length + 1)].long()
        return windows[:, :-1], windows[:, 1:]


# %% wrong="the global generator" of="Batches" check="a generator of its own" says="global generator left alone"
class Batches(Batches):
    def next_batch(self):
        starts = torch.randint(len(self.tokens) - self.length, (self.batch_size, 1))
        windows = self.tokens[starts + torch.arange(self.length + 1)].long()
        return windows[:, :-1], windows[:, 1:]


# %% wrong="the seed is what is saved" of="Batches" check="a generator of its own" says="a new sampler repeats"
class Batches(Batches):
    def state_dict(self):
        return {"generator": torch.Generator().manual_seed(self.generator.initial_seed()).get_state()}


# %% wrong="another key" of="Batches" check="a generator of its own" says="a dict with one key"
class Batches(Batches):
    def state_dict(self):
        return {"state": self.generator.get_state()}

    def load_state_dict(self, state):
        self.generator.set_state(state["state"])


# %% wrong="nothing is loaded" of="Batches" check="a generator of its own" says="so does the old one"
class Batches(Batches):
    def load_state_dict(self, state):
        pass


# %% wrong="no start twice in a batch" of="Batches" check="every start" says="the same may come twice"
class Batches(Batches):
    def next_batch(self):
        starts = torch.randperm(min(len(self.tokens) - self.length, 10_000), generator=self.generator)
        windows = self.tokens[starts[: self.batch_size, None] + torch.arange(self.length + 1)].long()
        return windows[:, :-1], windows[:, 1:]


# %% wrong="the whole text converted" of="Batches" check="windows of neighbours" says="not the whole text"
class Batches(Batches):
    def next_batch(self):
        tokens = self.tokens.long()
        starts = torch.randint(len(tokens) - self.length, (self.batch_size, 1), generator=self.generator)
        windows = tokens[starts + torch.arange(self.length + 1)]
        return windows[:, :-1], windows[:, 1:]


# %% wrong="the generator itself is the state" of="Batches" check="a generator of its own" says="a dict with one key"
class Batches(Batches):
    def state_dict(self):
        return {"generator": self.generator}

    def load_state_dict(self, state):
        self.generator = state["generator"]


# %% wrong="windows of two-byte numbers stacked before they are long, by a sum" of="Batches" check="windows of neighbours" says="your code raised"
class Batches(Batches):
    def next_batch(self):
        starts = torch.randint(len(self.tokens) - self.length, (self.batch_size, 1), generator=self.generator)
        places = starts + torch.arange(self.length + 1)
        windows = (self.tokens[places] + 0).long()
        return windows[:, :-1], windows[:, 1:]


# %% right="slices, stacked" of="Batches"
class Batches(Batches):
    def next_batch(self):
        T = self.length
        starts = torch.randint(0, len(self.tokens) - T, (self.batch_size,), generator=self.generator).tolist()
        inputs = torch.stack([self.tokens[i : i + T].long() for i in starts])
        return inputs, torch.stack([self.tokens[i + 1 : i + 1 + T].long() for i in starts])


# %% right="unfolded views, a list in return" of="Batches"
class Batches(Batches):
    def next_batch(self):
        views = self.tokens.unfold(0, self.length + 1, 1)
        starts = torch.randint(len(views), (self.batch_size,), generator=self.generator)
        windows = torch.stack([views[i] for i in starts.tolist()]).to(torch.int64)
        return [windows[:, :-1].contiguous(), windows[:, 1:].contiguous()]


# %% right="starts from uniform numbers" of="Batches"
class Batches(Batches):
    def next_batch(self):
        places = torch.rand(self.batch_size, 1, generator=self.generator, dtype=torch.float64)
        starts = (places * (len(self.tokens) - self.length)).long()
        inputs = self.tokens[starts + torch.arange(self.length)].long()
        return inputs, self.tokens[starts + 1 + torch.arange(self.length)].long()


# %% wrong="divided instead of multiplied" of="LossScaler" check="up by the scale" says="multiplies the loss"
class LossScaler(LossScaler):
    def scale_loss(self, loss):
        return loss / self.scale


# %% wrong="the scale and not the loss" of="LossScaler" check="up by the scale" says="does not require grad"
class LossScaler(LossScaler):
    def scale_loss(self, loss):
        return torch.tensor(loss.item() * self.scale)


# %% wrong="new gradients, not in place of the old" of="LossScaler" check="up by the scale" says="divides w.grad by the scale"
class LossScaler(LossScaler):
    def unscale(self, params):
        grads = [p.grad / self.scale for p in params if p.grad is not None]
        return all(torch.isfinite(g).all().item() for g in grads)


# %% wrong="every parameter has a gradient" of="LossScaler" check="up by the scale" says="NoneType"
class LossScaler(LossScaler):
    def unscale(self, params):
        params = list(params)
        for p in params:
            p.grad /= self.scale
        return all(torch.isfinite(p.grad).all().item() for p in params)


# %% wrong="an iterator walked twice" of="LossScaler" check="one number that is not finite" says="in order"
class LossScaler(LossScaler):
    def unscale(self, params):
        params = iter(params)
        for p in params:
            if p.grad is not None:
                p.grad /= self.scale
        return all(torch.isfinite(p.grad).all().item() for p in params if p.grad is not None)


# %% wrong="infinities only" of="LossScaler" check="one number that is not finite" says="in order"
class LossScaler(LossScaler):
    def unscale(self, params):
        grads = [p.grad for p in params if p.grad is not None]
        for g in grads:
            g /= self.scale
        return not any(torch.isinf(g).any().item() for g in grads)


# %% wrong="nan only" of="LossScaler" check="one number that is not finite" says="in order"
class LossScaler(LossScaler):
    def unscale(self, params):
        grads = [p.grad for p in params if p.grad is not None]
        for g in grads:
            g /= self.scale
        return not any(torch.isnan(g).any().item() for g in grads)


# %% wrong="any in place of all" of="LossScaler" check="one number that is not finite" says="in order"
class LossScaler(LossScaler):
    def unscale(self, params):
        grads = [p.grad for p in params if p.grad is not None]
        for g in grads:
            g /= self.scale
        return any(torch.isfinite(g).any().item() for g in grads)


# %% wrong="leaves at the first bad gradient" of="LossScaler" check="one number that is not finite" says="also those after one"
class LossScaler(LossScaler):
    def unscale(self, params):
        for p in params:
            if p.grad is not None:
                p.grad /= self.scale
                if not torch.isfinite(p.grad).all():
                    return False
        return True


# %% wrong="the sum of squares is finite" of="LossScaler" check="one number that is not finite" says="each is finite"
class LossScaler(LossScaler):
    def unscale(self, params):
        grads = [p.grad for p in params if p.grad is not None]
        for g in grads:
            g /= self.scale
        return math.isfinite(sum((g * 1e5).pow(2).sum().item() for g in grads))


# %% wrong="no new count after growth" of="LossScaler" check="up and down as PyTorch's" says="both begin the count anew"
class LossScaler(LossScaler):
    def update(self, finite):
        self.good_steps = self.good_steps + 1 if finite else 0
        if not finite:
            self.scale /= 2
        elif self.good_steps >= self.growth_interval:
            self.scale *= 2


# %% wrong="an overflow keeps the count" of="LossScaler" check="up and down as PyTorch's" says="begin the count anew"
class LossScaler(LossScaler):
    def update(self, finite):
        if not finite:
            self.scale /= 2
            return
        self.good_steps += 1
        if self.good_steps == self.growth_interval:
            self.scale, self.good_steps = 2 * self.scale, 0


# %% wrong="one step too late" of="LossScaler" check="up and down as PyTorch's" says="three finite steps in a row"
class LossScaler(LossScaler):
    def update(self, finite):
        if not finite:
            self.scale, self.good_steps = self.scale / 2, 0
        elif self.good_steps == self.growth_interval:
            self.scale, self.good_steps = 2 * self.scale, 0
        else:
            self.good_steps += 1


# %% wrong="never below one" of="LossScaler" check="up by the scale" says="below 1"
class LossScaler(LossScaler):
    def scale_loss(self, loss):
        return loss * max(self.scale, 1.0)


# %% wrong="the other way round" of="LossScaler" check="up and down as PyTorch's" says="an overflow halves it"
class LossScaler(LossScaler):
    def update(self, finite):
        self.good_steps = self.good_steps + 1 if finite else 0
        if not finite:
            self.scale *= 2
        elif self.good_steps == self.growth_interval:
            self.scale, self.good_steps = self.scale / 2, 0


# %% wrong="halved down to one and no further" of="LossScaler" check="up and down as PyTorch's" says="no lower limit"
class LossScaler(LossScaler):
    def update(self, finite):
        self.good_steps = self.good_steps + 1 if finite else 0
        if not finite:
            self.scale = max(self.scale / 2, 1.0)
        elif self.good_steps == self.growth_interval:
            self.scale, self.good_steps = 2 * self.scale, 0


# %% wrong="another gradient in place of the old" of="LossScaler" check="up by the scale" says="another tensor"
class LossScaler(LossScaler):
    def unscale(self, params):
        finite = True
        for p in params:
            if p.grad is not None:
                p.grad = p.grad / self.scale
                finite = finite and bool(torch.isfinite(p.grad).all())
        return finite


# %% wrong="the loss is multiplied in place" of="LossScaler" check="up by the scale" says="still to be reported"
class LossScaler(LossScaler):
    def scale_loss(self, loss):
        loss *= self.scale
        return loss


# %% wrong="unscale changes the scale" of="LossScaler" check="up by the scale" says="leave self.scale alone"
class LossScaler(LossScaler):
    def unscale(self, params):
        finite = True
        for p in params:
            if p.grad is not None:
                p.grad /= self.scale
                finite = finite and bool(torch.isfinite(p.grad).all())
        self.update(finite)
        return finite


# %% wrong="the sum of the numbers is finite" of="LossScaler" check="one number that is not finite" says="each is finite"
class LossScaler(LossScaler):
    def unscale(self, params):
        finite = True
        for p in params:
            if p.grad is not None:
                p.grad /= self.scale
                finite = finite and bool(torch.isfinite(p.grad.sum()))
        return finite


# %% wrong="growth at every multiple, counted on" of="LossScaler" check="up and down as PyTorch's" says="the table's last column"
class LossScaler(LossScaler):
    def update(self, finite):
        if not finite:
            self.scale, self.good_steps = self.scale / 2, 0
            return
        self.good_steps += 1
        if self.good_steps % self.growth_interval == 0:
            self.scale *= 2


# %% right="multiplied by the reciprocal, judged at once" of="LossScaler"
class LossScaler(LossScaler):
    def unscale(self, params):
        bad = 0
        for p in params:
            if p.grad is not None:
                p.grad.mul_(1 / self.scale)
                bad += int((~p.grad.isfinite()).sum())
        return bad == 0


# %% right="a counter that counts down" of="LossScaler"
class LossScaler(LossScaler):
    def scale_loss(self, loss):
        return self.scale * loss

    def update(self, finite):
        if finite:
            self.good_steps += 1
            doublings, self.good_steps = divmod(self.good_steps, self.growth_interval)
            self.scale = self.scale * 2**doublings
        else:
            self.scale, self.good_steps = 0.5 * self.scale, 0


# %% right="a tensor for an answer" of="LossScaler"
class LossScaler(LossScaler):
    def unscale(self, params):
        grads = [p.grad for p in params if p.grad is not None]
        torch._foreach_div_(grads, self.scale)
        return torch.stack([g.isfinite().all() for g in grads]).all()


# %% wrong="not divided" of="accumulate_gradients" check="one large batch" says="mean loss over the micro-batches"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    total = 0
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs, targets, dtype)
        (loss if scaler is None else scaler.scale_loss(loss)).backward()
        total = total + loss.detach()
    return total


# %% wrong="the loss is divided only for the report" of="accumulate_gradients" check="one large batch" says="not four times it"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    total = 0
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs, targets, dtype)
        (loss if scaler is None else scaler.scale_loss(loss)).backward()
        total = total + loss.detach() / len(micro_batches)
    return total


# %% wrong="old gradients are forgotten" of="accumulate_gradients" check="one large batch" says="nothing is set to zero here"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    total = 0
    model.zero_grad()
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs, targets, dtype) / len(micro_batches)
        (loss if scaler is None else scaler.scale_loss(loss)).backward()
        total = total + loss.detach()
    return total


# %% wrong="zeroed at each micro-batch" of="accumulate_gradients" check="one large batch" says="must give the large batch's gradient"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    total = 0
    for inputs, targets in micro_batches:
        model.zero_grad()
        loss = language_loss(model, inputs, targets, dtype) / len(micro_batches)
        (loss if scaler is None else scaler.scale_loss(loss)).backward()
        total = total + loss.detach()
    return total


# %% wrong="the last loss is reported" of="accumulate_gradients" check="one large batch" says="mean loss over the micro-batches"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs, targets, dtype) / len(micro_batches)
        (loss if scaler is None else scaler.scale_loss(loss)).backward()
    return loss.detach() * len(micro_batches)


# %% wrong="losses added, one backward" of="accumulate_gradients" check="memory for one micro-batch" says="backward inside the loop"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    loss = sum(language_loss(model, x, y, dtype) for x, y in micro_batches) / len(micro_batches)
    (loss if scaler is None else scaler.scale_loss(loss)).backward()
    return loss.detach()


# %% wrong="one large batch after all" of="accumulate_gradients" check="memory for one micro-batch" says="more is kept"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    inputs, targets = (torch.cat(parts) for parts in zip(*micro_batches, strict=True))
    loss = language_loss(model, inputs, targets, dtype)
    (loss if scaler is None else scaler.scale_loss(loss)).backward()
    return loss.detach()


# %% wrong="with its graph" of="accumulate_gradients" check="one large batch" says="needs no graph"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    total = 0
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs, targets, dtype) / len(micro_batches)
        (loss if scaler is None else scaler.scale_loss(loss)).backward(retain_graph=True)
        total = total + loss
    return total


# %% wrong="the scaled loss is reported" of="accumulate_gradients" check="autocast and the scaler" says="is not scaled"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    total = 0
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs, targets, dtype) / len(micro_batches)
        loss = loss if scaler is None else scaler.scale_loss(loss)
        loss.backward()
        total = total + loss.detach()
    return total


# %% wrong="no scaler" of="accumulate_gradients" check="autocast and the scaler" says="64 times as large"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    total = 0
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs, targets, dtype) / len(micro_batches)
        loss.backward()
        total = total + loss.detach()
    return total


# %% wrong="no dtype" of="accumulate_gradients" check="autocast and the scaler" says="is for language_loss"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    total = 0
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs, targets) / len(micro_batches)
        (loss if scaler is None else scaler.scale_loss(loss)).backward()
        total = total + loss.detach()
    return total


# %% wrong="the whole model in bfloat16" of="accumulate_gradients" check="autocast and the scaler" says="bfloat16"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    total = 0
    if dtype is torch.bfloat16:
        model.to(dtype)
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs, targets) / len(micro_batches)
        (loss if scaler is None else scaler.scale_loss(loss)).backward()
        total = total + loss.detach()
    return total


# %% wrong="everything stays on the CPU" of="accumulate_gradients" check="on the model's device" says="bring inputs and targets there"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    total = 0
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs, targets, dtype) / len(micro_batches)
        (loss if scaler is None else scaler.scale_loss(loss)).backward()
        total = total + loss.detach()
    return total


# %% wrong="a plain number" of="accumulate_gradients" check="one large batch" says="not a plain number"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    device = next(model.parameters()).device
    total = 0.0
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs.to(device), targets.to(device), dtype) / len(micro_batches)
        (scaler.scale_loss(loss) if scaler is not None else loss).backward()
        total = total + loss.item()
    return total


# %% wrong="the targets stay on the CPU" of="accumulate_gradients" check="on the model's device" says="bring inputs and targets there"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    device = next(model.parameters()).device
    total = 0.0
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs.to(device), targets, dtype) / len(micro_batches)
        (scaler.scale_loss(loss) if scaler is not None else loss).backward()
        total = total + loss.detach()
    return total


# %% right="the gradients divided afterwards" of="accumulate_gradients"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    device, losses = next(model.parameters()).device, []
    before = [0 if p.grad is None else p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs.to(device), targets.to(device), dtype)
        (loss if scaler is None else scaler.scale_loss(loss)).backward()
        losses.append(loss.detach())
    for p, old in zip(model.parameters(), before, strict=True):
        p.grad = p.grad / len(losses) + old
    return torch.stack(losses).mean()


# %% right="backward from a weight" of="accumulate_gradients"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    device, losses = next(model.parameters()).device, []
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs.to(device), targets.to(device), dtype)
        scaled = scaler.scale_loss(loss) if scaler else loss
        scaled.backward(torch.ones_like(scaled) / len(micro_batches))
        losses.append(loss.detach())
    return sum(losses) / len(losses)


# %% right="scaled before it is divided" of="accumulate_gradients"
def accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None):
    device = next(model.parameters()).device
    share, total = 1 / len(micro_batches), torch.zeros((), dtype=torch.float64, device=device)
    for pair in micro_batches:
        loss = language_loss(model, *(x.to(device) for x in pair), dtype)
        total += share * loss.detach()
        if scaler is not None:
            loss = scaler.scale_loss(loss)
        (share * loss).backward()
    return total


# %% wrong="old gradients are kept" of="train_step" check="forget, accumulate" says="are old gradients forgotten"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    finite = True if scaler is None else scaler.unscale(params)
    norm = clip_grad_norm(params, max_norm)
    if finite and torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="not clipped" of="train_step" check="forget, accumulate" says="four steps, clipped"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    finite = True if scaler is None else scaler.unscale(params)
    norm = torch.stack([p.grad.norm() for p in params]).norm()
    if finite and torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="the norm after clipping" of="train_step" check="forget, accumulate" says="the one before clipping"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    finite = True if scaler is None else scaler.unscale(params)
    clip_grad_norm(params, max_norm)
    norm = torch.stack([p.grad.norm() for p in params]).norm()
    if finite and torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="clipped after the step" of="train_step" check="forget, accumulate" says="four steps, clipped"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    finite = True if scaler is None else scaler.unscale(params)
    if finite and all(torch.isfinite(p.grad).all() for p in params):
        optimizer.step()
    norm = clip_grad_norm(params, max_norm)
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="every parameter clipped by itself" of="train_step" check="forget, accumulate" says="hint"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    finite = True if scaler is None else scaler.unscale(params)
    norm = torch.stack([clip_grad_norm([p], max_norm) for p in params]).max()
    if finite and torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="max_norm is ignored" of="train_step" check="forget, accumulate" says="max_norm"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    finite = True if scaler is None else scaler.unscale(params)
    norm = clip_grad_norm(params, 100.0 if max_norm == 100.0 else 1.0)
    if finite and torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="one micro-batch whatever is asked" of="train_step" check="several micro-batches" says="three micro-batches for each step"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch()], dtype, scaler)
    finite = True if scaler is None else scaler.unscale(params)
    norm = clip_grad_norm(params, max_norm)
    if finite and torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="the same micro-batch again and again" of="train_step" check="several micro-batches" says="three micro-batches for each step"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch()] * accumulate, dtype, scaler)
    finite = True if scaler is None else scaler.unscale(params)
    norm = clip_grad_norm(params, max_norm)
    if finite and torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="a step after each micro-batch" of="train_step" check="several micro-batches" says="hint"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params, losses = list(model.parameters()), []
    for _ in range(accumulate):
        optimizer.zero_grad()
        losses.append(accumulate_gradients(model, [batches.next_batch()], dtype, scaler).item())
        finite = True if scaler is None else scaler.unscale(params)
        norm = clip_grad_norm(params, max_norm)
        if finite and torch.isfinite(norm):
            optimizer.step()
        if scaler is not None:
            scaler.update(finite)
    return sum(losses) / accumulate, norm.item()


# %% wrong="clipped before it is unscaled" of="train_step" check="the scaler finds its scale" says="unscale before you clip"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    norm = clip_grad_norm(params, max_norm)
    finite = True if scaler is None else scaler.unscale(params)
    if finite and torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="never unscaled" of="train_step" check="the scaler finds its scale" says="hint"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    norm = clip_grad_norm(params, max_norm)
    finite = bool(torch.isfinite(norm))
    if finite:
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="the scaler is told only of good steps" of="train_step" check="the scaler finds its scale" says="hint"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    finite = True if scaler is None else scaler.unscale(params)
    norm = clip_grad_norm(params, max_norm)
    if finite and torch.isfinite(norm):
        optimizer.step()
        if scaler is not None:
            scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="the broken step is taken" of="train_step" check="the scaler finds its scale" says="hint"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    finite = True if scaler is None else scaler.unscale(params)
    norm = clip_grad_norm(params, max_norm)
    optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="the norm is not looked at" of="train_step" check="nothing is spoiled" says="yet the weights changed"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    finite = True if scaler is None else scaler.unscale(params)
    norm = clip_grad_norm(params, max_norm)
    if finite:
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="without a scaler the loss is looked at" of="train_step" check="nothing is spoiled" says="not at the loss"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    finite = torch.isfinite(loss).item() if scaler is None else scaler.unscale(params)
    norm = clip_grad_norm(params, max_norm)
    if finite:
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="dtype is not handed on" of="train_step" check="forget, accumulate" says="dtype is handed to"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], scaler=scaler)
    params = list(model.parameters())
    finite = True
    if scaler is not None:
        finite = scaler.unscale(params)
    norm = clip_grad_norm(params, max_norm)
    if torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="the loss alone" of="train_step" check="forget, accumulate" says="two plain numbers"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    params = list(model.parameters())
    finite = True
    if scaler is not None:
        finite = scaler.unscale(params)
    norm = clip_grad_norm(params, max_norm)
    if torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item()


# %% wrong="the norm as a tensor" of="train_step" check="forget, accumulate" says="two plain numbers"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    params = list(model.parameters())
    finite = True
    if scaler is not None:
        finite = scaler.unscale(params)
    norm = clip_grad_norm(params, max_norm)
    if torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm


# %% wrong="unscaled, but never scaled" of="train_step" check="the scaler finds its scale" says="accumulate_gradients needs the scaler"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype)
    params = list(model.parameters())
    finite = True
    if scaler is not None:
        finite = scaler.unscale(params)
    norm = clip_grad_norm(params, max_norm)
    if torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% wrong="a norm of zero where the step is skipped" of="train_step" check="nothing is spoiled" says="as they are"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    params = list(model.parameters())
    finite = True
    if scaler is not None:
        finite = scaler.unscale(params)
    norm = clip_grad_norm(params, max_norm)
    if torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item() if torch.isfinite(norm) else 0.0


# %% wrong="PyTorch's clipping in two parts" of="train_step" check="forget, accumulate" says="may not call torch.nn.utils.get_total_norm"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    params = list(model.parameters())
    finite = True
    if scaler is not None:
        finite = scaler.unscale(params)
    norm = nn.utils.get_total_norm([p.grad for p in params])
    nn.utils.clip_grads_with_norm_(params, max_norm, norm)
    if torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()


# %% right="a scaler of one where there is none" of="train_step"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    scaler = scaler or LossScaler(scale=1.0, growth_interval=10**9)
    model.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    finite = scaler.unscale(model.parameters())
    norm = clip_grad_norm(model.parameters(), max_norm)
    if math.isfinite(norm):
        optimizer.step()
    scaler.update(finite)
    return loss.item(), norm.item()


# %% right="clipped by hand" of="train_step"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    micro_batches = []
    while len(micro_batches) < accumulate:
        micro_batches.append(batches.next_batch())
    optimizer.zero_grad()
    loss = float(accumulate_gradients(model, micro_batches, dtype=dtype, scaler=scaler))
    finite = scaler is None or scaler.unscale(model.parameters())
    norm = math.sqrt(sum(float(p.grad.double().pow(2).sum()) for p in model.parameters()))
    if finite and math.isfinite(norm):
        for p in model.parameters():
            p.grad.mul_(min(1.0, max_norm / (norm + 1e-6)))
        optimizer.step()
    if scaler:
        scaler.update(finite)
    return loss, norm


# %% right="told before the step" of="train_step"
def train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None):
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer.zero_grad()
    pairs = [batches.next_batch() for _ in range(accumulate)]
    loss = accumulate_gradients(model, pairs, dtype, scaler)
    if scaler is None:
        finite = all(bool(torch.isfinite(p.grad).all()) for p in params)
    else:
        finite = scaler.unscale(params)
        scaler.update(finite)
    norm = clip_grad_norm(params, max_norm)
    if finite:
        optimizer.step()
    return [loss.item(), norm.item()]


# %% wrong="straight to the file" of="save_checkpoint" check="a power cut" says="the old file is gone"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    torch.save(state, path)


# %% wrong="the old file is deleted first" of="save_checkpoint" check="a power cut" says="the old file is gone"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    Path(path).unlink(missing_ok=True)
    torch.save(state, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


# %% wrong="a copy, and the temporary file stays" of="save_checkpoint" check="a power cut" says="the temporary file is gone"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    import shutil

    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    torch.save(state, f"{path}.tmp")
    shutil.copy(f"{path}.tmp", path)


# %% wrong="a copy, and the temporary file is deleted" of="save_checkpoint" check="a power cut" says="not a single act"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    import shutil

    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    torch.save(state, f"{path}.tmp")
    shutil.copy(f"{path}.tmp", path)
    os.remove(f"{path}.tmp")


# %% wrong="the temporary file lies elsewhere" of="save_checkpoint" check="a power cut" says="lies in the same folder"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    import shutil

    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    temporary = new_folder() / "half.pt"
    torch.save(state, temporary)
    shutil.move(temporary, path)


# %% wrong="objects instead of states" of="save_checkpoint" check="holds all that a run goes on from" says="Weights only load failed"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    state = {"step": step, "model": model, "optimizer": optimizer, "batches": batches, "scaler": scaler,
             "rng": rng_state()}
    torch.save(state, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


# %% wrong="without the generators" of="save_checkpoint" check="holds all that a run goes on from" says="six keys"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict()}
    torch.save(state, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


# %% wrong="no key without a scaler" of="save_checkpoint" check="holds all that a run goes on from" says="six keys"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "rng": rng_state()}
    if scaler is not None:
        state["scaler"] = scaler.state_dict()
    torch.save(state, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


# %% wrong="settings of the optimizer, not its memory" of="save_checkpoint" check="holds all that a run goes on from" says="the run that goes on is another one"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    settings = {**optimizer.state_dict(), "state": {}}
    state = {"step": step, "model": model.state_dict(), "optimizer": settings,
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    torch.save(state, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


# %% wrong="seeds the generators to have a known state" of="save_checkpoint" check="holds all that a run goes on from" says="the run that goes on is another one"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    torch.manual_seed(step)
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    torch.save(state, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


# %% wrong="the step after this one" of="save_checkpoint" check="holds all that a run goes on from" says="the number that was handed in"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    state = {"step": step + 1, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    torch.save(state, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


# %% wrong="an empty dict for no scaler" of="save_checkpoint" check="holds all that a run goes on from" says="without a scaler"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": {} if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    torch.save(state, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


# %% wrong="the old file is removed before the renaming" of="save_checkpoint" check="a power cut" says="the old file was removed first"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    tmp = f"{path}.tmp"
    torch.save(state, tmp)
    if os.path.exists(path):
        os.remove(path)
    os.replace(tmp, path)


# %% wrong="removed and renamed, by pathlib" of="save_checkpoint" check="a power cut" says="the old file was removed first"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    tmp = f"{path}.tmp"
    torch.save(state, tmp)
    Path(path).unlink(missing_ok=True)
    Path(tmp).rename(path)


# %% wrong="the CPU's generator alone" of="save_checkpoint" check="holds all that a run goes on from" says="generators of all devices"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": torch.get_rng_state()}
    tmp = f"{path}.tmp"
    torch.save(state, tmp)
    os.replace(tmp, path)


# %% wrong="through memory, and from there to a file" of="save_checkpoint" check="a power cut" says="writes to a temporary file"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    tmp = f"{path}.tmp"
    buf = io.BytesIO()
    torch.save(state, buf)
    Path(tmp).write_bytes(buf.getvalue())
    os.replace(tmp, path)


# %% right="by pathlib" of="save_checkpoint"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    path = Path(path)
    temporary = path.with_name(path.name + ".part")
    state = {"step": step, "rng": rng_state(), "scaler": scaler.state_dict() if scaler else None}
    for key, part in (("model", model), ("optimizer", optimizer), ("batches", batches)):
        state[key] = part.state_dict()
    torch.save(state, temporary)
    temporary.replace(path)


# %% right="through an open file, flushed to the disk" of="save_checkpoint"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    temporary = str(path) + ".new"
    with open(temporary, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, path)


# %% right="a random name beside the file" of="save_checkpoint"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    folder_of_path, name = os.path.split(os.path.abspath(path))
    temporary = os.path.join(folder_of_path, f".{name}.{os.getpid()}")
    state = {"rng": rng_state(), "step": int(step), "scaler": None, "batches": batches.state_dict(),
             "model": {name: p.detach().clone() for name, p in model.state_dict().items()},
             "optimizer": optimizer.state_dict()}
    if scaler is not None:
        state["scaler"] = scaler.state_dict()
    torch.save(state, temporary)
    os.replace(temporary, path)


# %% right="a file by its descriptor" of="save_checkpoint"
def save_checkpoint(path, step, model, optimizer, batches, scaler=None):
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    descriptor, temporary = tempfile.mkstemp(dir=Path(path).parent)
    with os.fdopen(descriptor, "wb") as file:
        torch.save(state, file)
    os.replace(temporary, path)


# %% wrong="without the model" of="load_checkpoint" check="goes on as if nothing" says="the very first loss differs"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    optimizer.load_state_dict(saved["optimizer"])
    move_memory(optimizer)
    batches.load_state_dict(saved["batches"])
    if scaler is not None:
        scaler.load_state_dict(saved["scaler"])
    set_rng_state(saved["rng"])
    return saved["step"]


# %% wrong="without the optimizer" of="load_checkpoint" check="goes on as if nothing" says="is the optimizer's memory put back"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    batches.load_state_dict(saved["batches"])
    if scaler is not None:
        scaler.load_state_dict(saved["scaler"])
    set_rng_state(saved["rng"])
    return saved["step"]


# %% wrong="without the sampler" of="load_checkpoint" check="goes on as if nothing" says="the very first loss differs"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    if scaler is not None:
        scaler.load_state_dict(saved["scaler"])
    set_rng_state(saved["rng"])
    return saved["step"]


# %% wrong="without the generators" of="load_checkpoint" check="goes on as if nothing" says="the very first loss differs"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    batches.load_state_dict(saved["batches"])
    if scaler is not None:
        scaler.load_state_dict(saved["scaler"])
    return saved["step"]


# %% wrong="nothing returned" of="load_checkpoint" check="goes on as if nothing" says="return the step"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    batches.load_state_dict(saved["batches"])
    if scaler is not None:
        scaler.load_state_dict(saved["scaler"])
    set_rng_state(saved["rng"])


# %% wrong="the step to come" of="load_checkpoint" check="goes on as if nothing" says="return the step"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    batches.load_state_dict(saved["batches"])
    if scaler is not None:
        scaler.load_state_dict(saved["scaler"])
    set_rng_state(saved["rng"])
    return saved["step"] + 1


# %% wrong="the generators first, then a random number is drawn" of="load_checkpoint" check="goes on as if nothing" says="the very first loss differs"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    set_rng_state(saved["rng"])
    for p in model.parameters():
        nn.init.normal_(p)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    batches.load_state_dict(saved["batches"])
    if scaler is not None:
        scaler.load_state_dict(saved["scaler"])
    return saved["step"]


# %% wrong="a scaler is taken for granted" of="load_checkpoint" check="goes on as if nothing" says="NoneType"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    batches.load_state_dict(saved["batches"])
    scaler.load_state_dict(saved["scaler"])
    set_rng_state(saved["rng"])
    return saved["step"]


# %% wrong="the scaler is forgotten" of="load_checkpoint" check="the scaler too" says="takes two of them from the file"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    batches.load_state_dict(saved["batches"])
    set_rng_state(saved["rng"])
    return saved["step"]


# %% wrong="where the file has a scaler's state" of="load_checkpoint" check="the scaler too" says="NoneType"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    batches.load_state_dict(saved["batches"])
    if saved["scaler"] is not None:
        scaler.load_state_dict(saved["scaler"])
    set_rng_state(saved["rng"])
    return saved["step"]


# %% wrong="reads anything" of="load_checkpoint" check="no code from a file" says="weights_only=True"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(path, map_location="cpu", weights_only=False)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    move_memory(optimizer)
    batches.load_state_dict(saved["batches"])
    if scaler is not None:
        scaler.load_state_dict(saved["scaler"])
    set_rng_state(saved["rng"])
    return saved["step"]


# %% wrong="the memory stays where it was" of="load_checkpoint" check="memory to the model's device" says="move_memory(optimizer)"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    batches.load_state_dict(saved["batches"])
    if scaler is not None:
        scaler.load_state_dict(saved["scaler"])
    set_rng_state(saved["rng"])
    return saved["step"]


# %% wrong="the scale without its count" of="load_checkpoint" check="the scaler too" says="takes two of them"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    move_memory(optimizer)
    batches.load_state_dict(state["batches"])
    if scaler is not None:
        scaler.scale = state["scaler"]["scale"]
    set_rng_state(state["rng"])
    return state["step"]


# %% wrong="the memory is moved before it is loaded" of="load_checkpoint" check="memory to the model's device" says="move_memory(optimizer) after loading"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    move_memory(optimizer)
    optimizer.load_state_dict(state["optimizer"])
    batches.load_state_dict(state["batches"])
    if scaler is not None:
        scaler.load_state_dict(state["scaler"])
    set_rng_state(state["rng"])
    return state["step"]


# %% right="in a loop" of="load_checkpoint"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(str(path), map_location=torch.device("cpu"), weights_only=True)
    parts = {"model": model, "optimizer": optimizer, "batches": batches, "scaler": scaler}
    for key, part in parts.items():
        if part is not None:
            part.load_state_dict(saved[key])
    move_memory(optimizer)
    set_rng_state(saved["rng"])
    return saved["step"]


# %% right="in another order, from an open file" of="load_checkpoint"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    with open(path, "rb") as file:
        saved = torch.load(file, map_location="cpu", weights_only=True)
    batches.load_state_dict(saved["batches"])
    if scaler:
        scaler.load_state_dict(saved["scaler"])
    optimizer.load_state_dict(saved["optimizer"])
    move_memory(optimizer)
    model.load_state_dict(saved["model"])
    torch.set_rng_state(saved["rng"]["cpu"])
    return int(saved["step"])


# %% right="scaler only if both are there" of="load_checkpoint"
def load_checkpoint(path, model, optimizer, batches, scaler=None):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    set_rng_state(saved.pop("rng"))
    model.load_state_dict(saved["model"], strict=True)
    optimizer.load_state_dict(saved["optimizer"])
    batches.load_state_dict(saved["batches"])
    if scaler is not None and saved["scaler"] is not None:
        scaler.load_state_dict(saved["scaler"])
    move_memory(optimizer)
    return saved["step"]


# %% wrong="the rate is set after the step" of="train" check="as PyTorch's loop" says="is the rate set before each step"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = resume and path is not None and Path(path).exists()
    step, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    while step < steps:
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        losses.append(loss)
        step += 1
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or every and step % every == 0):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="the schedule is one step ahead" of="train" check="as PyTorch's loop" says="is the rate set before each step"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = resume and path is not None and Path(path).exists()
    step, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    while step < steps:
        step += 1
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or every and step % every == 0):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="factors multiplied up" of="train" check="as PyTorch's loop" says="hint"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = resume and path is not None and Path(path).exists()
    step, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    while step < steps:
        for group in optimizer.param_groups:
            group["lr"] *= schedule(step, kind, warmup, steps, floor)
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        step += 1
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or every and step % every == 0):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="training mode only at the beginning" of="train" check="as PyTorch's loop" says="the model in training mode"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = resume and path is not None and Path(path).exists()
    step, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    model.train()
    while step < steps:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        step += 1
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or every and step % every == 0):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="the step before it is counted is logged" of="train" check="as PyTorch's loop" says="1 after the first"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = resume and path is not None and Path(path).exists()
    step, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    while step < steps:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        step += 1
        if path is not None and (step == steps or every and step % every == 0):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="the optimizer's step counts from zero after a resume" of="train" check="after a power cut" says="four steps are left"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    if resume and path is not None and Path(path).exists():
        load_checkpoint(path, model, optimizer, batches, scaler)
    step, losses = 0, []
    while step < steps:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        step += 1
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or every and step % every == 0):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="steps more after a resume" of="train" check="after a power cut" says="four steps are left"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = resume and path is not None and Path(path).exists()
    step, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    for _ in range(steps):
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        step += 1
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or every and step % every == 0):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="the schedule begins anew after a resume" of="train" check="after a power cut" says="same schedule"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = resume and path is not None and Path(path).exists()
    begin = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0
    step, losses = begin, []
    while step < steps:
        scale_lr(optimizer, schedule(step - begin, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        step += 1
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or every and step % every == 0):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="no checkpoint at the end" of="train" check="after a power cut" says="hint"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = resume and path is not None and Path(path).exists()
    step, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    while step < steps:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        step += 1
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and every and step % every == 0 and step < steps:
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="saved before it is logged" of="train" check="checkpoints when they are due" says="each one after the log"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = resume and path is not None and Path(path).exists()
    step, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    while step < steps:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        step += 1
        if path is not None and (step == steps or every and step % every == 0):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
    return losses


# %% wrong="every=0 divides by zero" of="train" check="checkpoints when they are due" says="ZeroDivisionError"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = resume and path is not None and Path(path).exists()
    step, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    while step < steps:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        step += 1
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step % every == 0 or step == steps):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="always resumed" of="train" check="checkpoints when they are due" says="the file at path is not read"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = path is not None and Path(path).exists()
    step, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    while step < steps:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        step += 1
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or every and step % every == 0):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="dtype and scaler are not handed on" of="train" check="checkpoints when they are due" says="is handed to train_step"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = resume and path is not None and Path(path).exists()
    step, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    while step < steps:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm)
        losses.append(loss)
        step += 1
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or every and step % every == 0):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="accumulate and max_norm are not handed on" of="train" check="checkpoints when they are due" says="are handed to train_step"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = resume and path is not None and Path(path).exists()
    step, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    while step < steps:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, dtype=dtype, scaler=scaler)
        losses.append(loss)
        step += 1
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or every and step % every == 0):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="always a cosine" of="train" check="as PyTorch's loop" says="kind is handed"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0,
          accumulate=1, max_norm=1.0, dtype=torch.float32,
          scaler=None, log=None, path=None, every=0, resume=False):
    step = 0
    if resume and path is not None and Path(path).exists():
        step = load_checkpoint(path, model, optimizer, batches, scaler)
    losses = []
    while step < steps:
        scale_lr(optimizer, schedule(step, "cosine", warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        step += 1
        losses.append(loss)
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or (every and step % every == 0)):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="the loss in place of the norm" of="train" check="as PyTorch's loop" says="is the norm of the gradient"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0,
          accumulate=1, max_norm=1.0, dtype=torch.float32,
          scaler=None, log=None, path=None, every=0, resume=False):
    step = 0
    if resume and path is not None and Path(path).exists():
        step = load_checkpoint(path, model, optimizer, batches, scaler)
    losses = []
    while step < steps:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        step += 1
        losses.append(loss)
        if log is not None:
            log({"step": step, "loss": loss, "norm": loss, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or (every and step % every == 0)):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="a path is taken for a Path" of="train" check="after a power cut" says="'str' object has no attribute"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0,
          accumulate=1, max_norm=1.0, dtype=torch.float32,
          scaler=None, log=None, path=None, every=0, resume=False):
    step = 0
    if resume and path is not None and path.exists():
        step = load_checkpoint(path, model, optimizer, batches, scaler)
    losses = []
    while step < steps:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        step += 1
        losses.append(loss)
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or (every and step % every == 0)):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="resume takes a path for granted" of="train" check="checkpoints when they are due" says="TypeError"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0,
          accumulate=1, max_norm=1.0, dtype=torch.float32,
          scaler=None, log=None, path=None, every=0, resume=False):
    step = 0
    if resume and Path(path).exists():
        step = load_checkpoint(path, model, optimizer, batches, scaler)
    losses = []
    while step < steps:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        step += 1
        losses.append(loss)
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or (every and step % every == 0)):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% wrong="one step in any case" of="train" check="after a power cut" says="takes no step"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0,
          accumulate=1, max_norm=1.0, dtype=torch.float32,
          scaler=None, log=None, path=None, every=0, resume=False):
    step = 0
    if resume and path is not None and Path(path).exists():
        step = load_checkpoint(path, model, optimizer, batches, scaler)
    losses = []
    while True:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        step += 1
        losses.append(loss)
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or (every and step % every == 0)):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
        if step >= steps:
            break
    return losses


# %% wrong="the loop's counter after a loop that did not run" of="train" check="after a power cut" says="UnboundLocalError"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0,
          accumulate=1, max_norm=1.0, dtype=torch.float32,
          scaler=None, log=None, path=None, every=0, resume=False):
    start = 0
    if resume and path is not None and Path(path).exists():
        start = load_checkpoint(path, model, optimizer, batches, scaler)
    losses = []
    for step in range(start, steps):
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        if log is not None:
            log({"step": step + 1, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and every and (step + 1) % every == 0:
            save_checkpoint(path, step + 1, model, optimizer, batches, scaler)
    if path is not None:
        save_checkpoint(path, step + 1, model, optimizer, batches, scaler)
    return losses


# %% right="a for loop over the steps that are left" of="train"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    begin, losses = 0, []
    if resume and path and os.path.exists(path):
        begin = load_checkpoint(path, model, optimizer, batches, scaler)
    for done in range(begin, steps):
        factor = schedule(done, kind, warmup=warmup, total=steps, floor=floor)
        scale_lr(optimizer, factor)
        rate = optimizer.param_groups[0]["lr"]
        model.train(True)
        loss, norm = train_step(model, batches, optimizer, accumulate=accumulate, max_norm=max_norm, dtype=dtype,
                                scaler=scaler)
        losses.append(loss)
        if log:
            log({"lr": rate, "norm": norm, "loss": loss, "step": done + 1})
        due = done + 1 == steps or (every > 0 and (done + 1) % every == 0)
        if path and due:
            save_checkpoint(path, done + 1, model, optimizer, batches, scaler)
    return losses


# %% right="rates set by hand" of="train"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    step, losses = 0, []
    if resume and path is not None and Path(path).is_file():
        step = load_checkpoint(path, model, optimizer, batches, scaler)
    for group in optimizer.param_groups:
        group.setdefault("peak_lr", group["lr"])
    while step < steps:
        for group in optimizer.param_groups:
            group["lr"] = group["peak_lr"] * schedule(step, kind, warmup, steps, floor)
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        step, losses = step + 1, [*losses, loss]
        if log is not None:
            log({"loss": loss, "norm": norm, "step": step, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (every and step % every == 0 or step == steps):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses


# %% right="the last checkpoint after the loop" of="train"
def train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
          dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False):
    found = resume and path is not None and Path(path).exists()
    begin, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    for step in range(begin + 1, steps + 1):
        scale_lr(optimizer, schedule(step - 1, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"], "more": 1})
        if path is not None and every and step % every == 0:
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    if path is not None:
        save_checkpoint(path, steps, model, optimizer, batches, scaler)
    return losses


# %% wrong="the graph is kept" of="Recompute" check="keeps the inputs" says="nothing that is computed"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.rng, ctx.autocast = rng_state(), autocast_now(inputs[0].device.type)
        ctx.inputs = [x.detach().requires_grad_(x.requires_grad) for x in inputs]
        function.calls = getattr(function, "calls", 0) + 1
        with torch.enable_grad():
            ctx.output = function(*ctx.inputs)
        return ctx.output.detach()

    @staticmethod
    def backward(ctx, grad):
        torch.autograd.backward(ctx.output, grad)
        return None, *(x.grad for x in ctx.inputs)


# %% wrong="no rng at all" of="Recompute" check="the same dropout" says="other numbers were dropped"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function, ctx.autocast = function, autocast_now(inputs[0].device.type)
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        with torch.enable_grad(), ctx.autocast():
            output = ctx.function(*inputs)
        torch.autograd.backward(output, grad)
        return None, *(x.grad for x in inputs)


# %% wrong="the state after the function" of="Recompute" check="the same dropout" says="rng_state() before the first call"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function, ctx.autocast = function, autocast_now(inputs[0].device.type)
        ctx.save_for_backward(*inputs)
        out = function(*inputs)
        ctx.rng = rng_state()
        return out

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            output = ctx.function(*inputs)
        set_rng_state(now)
        torch.autograd.backward(output, grad)
        return None, *(x.grad for x in inputs)


# %% wrong="the generators stay back" of="Recompute" check="the same dropout" says="stand where they stood"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function, ctx.rng, ctx.autocast = function, rng_state(), autocast_now(inputs[0].device.type)
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            output = ctx.function(*inputs)
        torch.autograd.backward(output, grad)
        return None, *(x.grad for x in inputs)


# %% wrong="no autocast the second time" of="Recompute" check="the same autocast" says="recompute inside of"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function, ctx.rng = function, rng_state()
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad():
            output = ctx.function(*inputs)
        set_rng_state(now)
        torch.autograd.backward(output, grad)
        return None, *(x.grad for x in inputs)


# %% wrong="recording is off" of="Recompute" check="the same output and the same gradients" says="does not require grad"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function, ctx.rng, ctx.autocast = function, rng_state(), autocast_now(inputs[0].device.type)
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        now = rng_state()
        set_rng_state(ctx.rng)
        with ctx.autocast():
            output = ctx.function(*inputs)
        set_rng_state(now)
        torch.autograd.backward(output, grad)
        return None, *(x.grad for x in inputs)


# %% wrong="the input's gradient alone" of="Recompute" check="the same output and the same gradients" says="hint"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function, ctx.rng, ctx.autocast = function, rng_state(), autocast_now(inputs[0].device.type)
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            output = ctx.function(*inputs)
        set_rng_state(now)
        wanted = [x for x in inputs if x.requires_grad]
        grads = iter(torch.autograd.grad(output, wanted, grad))
        for p in ctx.function.parameters():
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        return None, *(next(grads) if x.requires_grad else None for x in inputs)


# %% wrong="the incoming gradient is ignored" of="Recompute" check="the same output and the same gradients" says="starting from grad"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function, ctx.rng, ctx.autocast = function, rng_state(), autocast_now(inputs[0].device.type)
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            output = ctx.function(*inputs)
        set_rng_state(now)
        with torch.enable_grad():
            output.sum().backward()
        return None, *(x.grad for x in inputs)


# %% wrong="no entry for the function" of="Recompute" check="the same output and the same gradients" says="incorrect number of gradients"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function, ctx.rng, ctx.autocast = function, rng_state(), autocast_now(inputs[0].device.type)
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            output = ctx.function(*inputs)
        set_rng_state(now)
        torch.autograd.backward(output, grad)
        return tuple(x.grad for x in inputs)


# %% wrong="only the first input" of="Recompute" check="the same output and the same gradients" says="hint"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function, ctx.rng, ctx.autocast = function, rng_state(), autocast_now(inputs[0].device.type)
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        x = ctx.saved_tensors[0].detach().requires_grad_()
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            output = ctx.function(x)
        set_rng_state(now)
        torch.autograd.backward(output, grad)
        return (None, x.grad) + (None,) * (len(ctx.saved_tensors) - 1)


# %% wrong="the output is kept too" of="Recompute" check="keeps the inputs" says="nothing that is computed"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function, ctx.rng, ctx.autocast = function, rng_state(), autocast_now(inputs[0].device.type)
        out = function(*inputs)
        ctx.save_for_backward(*inputs, out)
        return out

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors[:-1]]
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            output = ctx.function(*inputs)
        set_rng_state(now)
        torch.autograd.backward(output, grad)
        return None, *(x.grad for x in inputs)


# %% wrong="a gradient for the first input alone" of="Recompute" check="the same output and the same gradients" says="the .grad of each copy"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function = function
        ctx.save_for_backward(*inputs)
        ctx.rng = rng_state()
        ctx.autocast = autocast_now(inputs[0].device.type)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            out = ctx.function(*inputs)
        set_rng_state(now)
        torch.autograd.backward(out, grad)
        return (None, inputs[0].grad, *[None] * (len(inputs) - 1))


# %% wrong="the first input always, the others never" of="Recompute" check="the same output and the same gradients" says="hint"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function = function
        ctx.save_for_backward(*inputs)
        ctx.rng = rng_state()
        ctx.autocast = autocast_now(inputs[0].device.type)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach() for x in ctx.saved_tensors]
        inputs[0].requires_grad_()
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            out = ctx.function(*inputs)
        set_rng_state(now)
        torch.autograd.backward(out, grad)
        return (None, *[x.grad for x in inputs])


# %% wrong="the parameters' gradients are set to zero first" of="Recompute" check="the same output and the same gradients" says="add up in .grad"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function = function
        ctx.save_for_backward(*inputs)
        ctx.rng = rng_state()
        ctx.autocast = autocast_now(inputs[0].device.type)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            out = ctx.function(*inputs)
        set_rng_state(now)
        ctx.function.zero_grad()
        torch.autograd.backward(out, grad)
        return (None, *[x.grad for x in inputs])


# %% wrong="the inputs are attributes as well" of="Recompute" check="keeps the inputs" says="no tensor is an attribute"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function = function
        ctx.save_for_backward(*inputs)
        ctx.inputs = inputs
        ctx.rng = rng_state()
        ctx.autocast = autocast_now(inputs[0].device.type)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            out = ctx.function(*inputs)
        set_rng_state(now)
        torch.autograd.backward(out, grad)
        return (None, *[x.grad for x in inputs])


# %% wrong="the output is an attribute" of="Recompute" check="keeps the inputs" says="no tensor is an attribute"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function = function
        ctx.save_for_backward(*inputs)
        ctx.rng = rng_state()
        ctx.autocast = autocast_now(inputs[0].device.type)
        ctx.out = function(*inputs)
        return ctx.out

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            out = ctx.function(*inputs)
        set_rng_state(now)
        torch.autograd.backward(out, grad)
        return (None, *[x.grad for x in inputs])


# %% right="fork_rng, and one list of leaves" of="Recompute"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.autocast = autocast_now(inputs[0].device.type)
        ctx.state = torch.get_rng_state()
        ctx.function = function
        ctx.save_for_backward(*inputs)
        with torch.no_grad():
            return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        leaves = []
        for x, needed in zip(ctx.saved_tensors, ctx.needs_input_grad[1:], strict=True):
            leaves.append(x.detach().clone().requires_grad_() if needed else x)
        with torch.random.fork_rng(), torch.enable_grad(), ctx.autocast():
            torch.set_rng_state(ctx.state)
            output = ctx.function(*leaves)
        output.backward(grad)
        return (None, *(leaf.grad if leaf.requires_grad else None for leaf in leaves))


# %% right="the small backward before the generators go back" of="Recompute"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.save_for_backward(*inputs)
        ctx.memory = function, rng_state(), autocast_now(inputs[0].device.type)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        function, rng, autocast = ctx.memory
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        here = rng_state()
        set_rng_state(rng)
        with torch.enable_grad():
            with autocast():
                output = function(*inputs)
            torch.autograd.backward([output], [grad])
        set_rng_state(here)
        return tuple([None] + [x.grad for x in inputs])


# %% right="the loss of a dot product" of="Recompute"
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, *inputs):
        ctx.function, ctx.rng, ctx.autocast = function, rng_state(), autocast_now(inputs[0].device.type)
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach() for x in ctx.saved_tensors]
        for x, old in zip(inputs, ctx.saved_tensors, strict=True):
            x.requires_grad_(old.requires_grad)
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            output = ctx.function(*inputs)
        set_rng_state(now)
        with torch.enable_grad():
            (output * grad).sum().backward()
        return None, *(x.grad for x in inputs)


# %% survivor="0bf48e9f" of="Batches" because="a state on the CPU needs no .cpu(), and no check has a GPU"

# %% equivalent="250a7022" of="LossScaler" because="a loss has no axes to swap"

# %% equivalent="8edc7fc9" of="LossScaler" because="all() takes the truth of a tensor with one number as of that number"

# %% equivalent="9c751c22" of="accumulate_gradients" because="there is no graph left to cut"

# %% equivalent="cb81cc38" of="accumulate_gradients" because="there is no graph left to cut"

# %% equivalent="e227e8e4" of="accumulate_gradients" because="a loss has no axes to swap"

# %% survivor="bd99ea18" of="load_checkpoint" because="files written on the CPU are read to the CPU, and no check has a GPU"

# %% equivalent="336bc706" of="load_checkpoint" because="weights_only is True by default since PyTorch 2.6, and the course asks for a later one"

# %% survivor="a1b09213" of="Recompute" because="all inputs of the checks are on the CPU"
