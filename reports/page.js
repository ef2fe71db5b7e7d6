// The report's script. Everything is readable without it: it sorts the table and replaces the SVG charts by uPlot's.
(function () {
  "use strict";

  // ---- the board: each case is a <tbody> whose first row is its name; rows are sorted within their case

  function sortValue(row, column) {
    var cell = row.children[column];
    var given = cell.getAttribute("data-sort");
    var text = given === null ? cell.textContent.trim() : given;
    return text === "-" ? Infinity : isNaN(text) ? text.toLowerCase() : Number(text);
  }

  function compare(left, right) {
    if (typeof left !== typeof right) return typeof left === "number" ? -1 : 1;
    return left < right ? -1 : left > right ? 1 : 0;
  }

  function sortTable(table, column, direction) {
    Array.prototype.forEach.call(table.tBodies, function (body) {
      var rows = Array.prototype.slice.call(body.rows, 1);
      rows.sort(function (left, right) {
        return direction * compare(sortValue(left, column), sortValue(right, column));
      });
      rows.forEach(function (row) { body.appendChild(row); });
    });
  }

  function makeSortable(table) {
    var headings = Array.prototype.slice.call(table.tHead.rows[0].cells);
    headings.forEach(function (heading, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = heading.textContent;
      heading.textContent = "";
      heading.appendChild(button);
      button.addEventListener("click", function () {
        var descending = heading.getAttribute("aria-sort") === "ascending";
        headings.forEach(function (other) { other.removeAttribute("aria-sort"); });
        heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
        sortTable(table, column, descending ? -1 : 1);
      });
    });
  }

  Array.prototype.forEach.call(document.querySelectorAll("[data-sortable]"), makeSortable);

  // ---- charts

  if (typeof uPlot !== "function") return;

  var MARGIN_LEFT = 52, MARGIN_RIGHT = 14; // as .plot in page.css
  var HEIGHT = 110, AXIS_HEIGHT = 24;
  var plots = []; // {figure, plot}

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  }

  function drawSpans(plot, spans, name) {
    plot.ctx.fillStyle = colour(name);
    spans.forEach(function (span) {
      var from = plot.valToPos(span[0], "x", true), to = plot.valToPos(span[1], "x", true);
      var least = plot.bbox.left, most = least + plot.bbox.width;
      from = Math.min(Math.max(from, least), most);
      to = Math.min(Math.max(to, least), most);
      plot.ctx.fillRect(from, plot.bbox.top, Math.max(to - from, 0), plot.bbox.height);
    });
  }

  // The picture above the charts follows their zoom: what is at so many per cent of the whole time moves.
  function zoomLanes(lanes, from, to) {
    function place(percent) { return Math.min(Math.max((percent - from) / (to - from) * 100, 0), 100); }
    Array.prototype.forEach.call(lanes.querySelectorAll("rect, line, .tick"), function (shape) {
      var isLine = shape.tagName === "line", name = isLine ? "x1" : "x";
      if (!shape.hasAttribute("data-x")) {
        shape.setAttribute("data-x", parseFloat(shape.getAttribute(name)));
        shape.setAttribute("data-width", shape.getAttribute("width") || "");
      }
      var x = Number(shape.getAttribute("data-x")), width = shape.getAttribute("data-width");
      if (shape.classList.contains("track")) return;
      var inPercent = /%$/.test(width), begin = place(x);
      shape.setAttribute(name, begin + "%");
      if (isLine) shape.setAttribute("x2", begin + "%");
      if (inPercent) shape.setAttribute("width", place(x + parseFloat(width)) - begin + "%");
      else shape.classList.toggle("outside", x < from || x > to);
    });
  }

  function options(data, run, width, lanes) {
    var axis = { stroke: function () { return colour("dim"); }, font: "11px system-ui, sans-serif",
                 grid: { stroke: function () { return colour("edge"); }, width: 1 }, ticks: { show: false } };
    var suffix = data.unit ? " " + data.unit : "";
    return {
      width: width,
      height: HEIGHT + AXIS_HEIGHT + 6,
      padding: [6, MARGIN_RIGHT, 0, 0],
      cursor: { sync: { key: "run-" + run }, drag: { x: true, y: false }, y: false, hover: { prox: 24 } },
      scales: { x: { time: false, range: function (plot, from, to) {
        var times = plot.data[0]; // all of them: nothing is selected
        return from === times[0] && to === times[times.length - 1] ? [0, data.end] : [from, to];
      } }, y: { range: [0, data.top] } },
      axes: [
        Object.assign({ size: AXIS_HEIGHT, gap: 4, space: 70, values: function (plot, ticks) {
          return ticks.map(function (tick) { return +tick.toFixed(3) + " s"; });
        } }, axis),
        Object.assign({ size: MARGIN_LEFT, gap: 6, splits: [0, data.top / 2, data.top], values: function (plot, ticks) {
          return ticks.map(function (tick) { return tick < 1e6 ? String(tick) : tick.toExponential(0); });
        } }, axis)
      ],
      series: [{ label: "at", value: function (plot, value) { return value === null ? "" : value.toFixed(2) + " s"; } }]
        .concat(data.lines.map(function (line) {
          return {
            label: line.name, spanGaps: true, width: line.second ? 1.25 : 1.75, dash: line.second ? [5, 4] : undefined,
            stroke: function () { return colour("line" + line.colour); }, points: { show: false },
            value: function (plot, value) { return value == null ? "" : +value.toPrecision(4) + suffix; }
          };
        })),
      hooks: { drawClear: [function (plot) {
        drawSpans(plot, data.faults, "fault-shade");
        drawSpans(plot, data.leaks, "leak-shade");
      }], setScale: [function (plot, scale) {
        if (scale === "x" && lanes)
          zoomLanes(lanes, plot.scales.x.min / data.end * 100, plot.scales.x.max / data.end * 100);
      }] }
    };
  }

  function draw(figure, run, lanes) {
    var data = JSON.parse(figure.querySelector("script").textContent);
    var joined = uPlot.join(data.lines.map(function (line) { return [line.times, line.values]; }));
    var plot = new uPlot(options(data, run, figure.clientWidth, lanes), joined, figure);
    figure.classList.add("drawn");
    plots.push({ figure: figure, plot: plot });
  }

  // Charts of folded runs have no width, so they wait until they are unfolded.
  function drawRun(details, run) {
    if (!details.open || details.hasAttribute("data-drawn")) return;
    details.setAttribute("data-drawn", "");
    var lanes = details.querySelector(".lanes .plot"), hint = document.createElement("span");
    hint.className = "dim";
    hint.textContent = " (drag over a chart to zoom, double-click to see all)";
    details.querySelector(".lanes figcaption").appendChild(hint);
    Array.prototype.forEach.call(details.querySelectorAll("[data-chart]"), function (figure, index) {
      draw(figure, run, index === 0 ? lanes : null);
    });
  }

  Array.prototype.forEach.call(document.querySelectorAll("details.run"), function (details, run) {
    details.addEventListener("toggle", function () { drawRun(details, run); });
    drawRun(details, run);
  });

  window.addEventListener("resize", function () {
    plots.forEach(function (entry) {
      if (entry.figure.clientWidth > 0)
        entry.plot.setSize({ width: entry.figure.clientWidth, height: HEIGHT + AXIS_HEIGHT + 6 });
    });
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () {
    plots.forEach(function (entry) { entry.plot.redraw(false); });
  });
})();
