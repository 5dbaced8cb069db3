"""The plot of bench/damage: PSNR of what is shown over the number of bits flipped."""

import math

from matplotlib import pyplot

import plots

STYLES = {**plots.STYLES, "jpeg-restart": ("#777777", "--", "s")}
FLOOR = 5  # dB: where nothing is shown


def draw(axes, name, label, values):
    colour, dash, marker = STYLES[name]
    axes.plot(range(len(values)), [FLOOR if value is None else value for value in values], color=colour,
              linestyle=dash, marker=marker, linewidth=2.5 if name == "ddz" else 1.5,
              markersize=5, markeredgewidth=0, label=label, clip_on=False)


def plot(found, labels, flips, folder):
    """folder/damage.svg and .png, from damage_trials.summary(): medians, and tenth percentiles."""
    with pyplot.rc_context(plots.RC):
        figure = pyplot.figure(figsize=(plots.WIDTH, 4.2), layout="constrained")
        for axes, index, title in zip(figure.subplots(1, 2, sharey=True), (1, 2), ("median", "worst tenth")):
            for name, label in labels.items():
                draw(axes, name, label, [found[name, n][index] for n in (0, *flips)])
            axes.set_xticks(range(len(flips) + 1), ["0", *map(str, flips)])
            axes.set_title(title)
            axes.set_xlabel("bits flipped")
        medians = [median for _, median, _ in found.values() if median is not None]
        best = max(filter(math.isfinite, medians), default=FLOOR)
        ticks = range(10, math.ceil(best) + 1, 5)
        figure.axes[0].set_ylim(FLOOR, best + 0.5)
        figure.axes[0].set_yticks([FLOOR, *ticks], ["nothing\nshown", *map(str, ticks)])
        figure.axes[0].set_ylabel("PSNR over R, G and B, dB")
        figure.axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
        plots.save(figure, folder, "damage")
