// What ECharts needs to be told beyond its option: boxes, letters on them, and names on an axis.
// Runs in an interpreter without a page; everything that varies comes in as JSON.
var chartItems = {
  // One rectangle for each of `boxes`: {x0, x1, row, thick, fill, opacity}.
  boxes: function (boxes) {
    return function (params, api) {
      var box = boxes[params.dataIndex];
      var from = api.coord([box.x0, box.row]), to = api.coord([box.x1, box.row]);
      var height = api.size([0, 1])[1] * box.thick;
      return {
        type: 'rect',
        shape: {x: from[0], y: from[1] - height / 2, width: Math.max(to[0] - from[0], 0), height: height},
        style: {fill: box.fill, opacity: box.opacity}
      };
    };
  },
  // One letter for each: {x0, row, text, ink, size}.
  letters: function (letters) {
    return function (params, api) {
      var one = letters[params.dataIndex], at = api.coord([one.x0, one.row]);
      return {
        type: 'text',
        style: {
          text: one.text, x: at[0], y: at[1], fill: one.ink,
          align: 'center', verticalAlign: 'middle', font: '600 ' + one.size + 'px sans-serif'
        }
      };
    };
  }
};

function named(axis) {
  if (!axis || !axis.named) return;
  var labels = axis.named;
  axis.axisLabel.formatter = function (value) { return labels[value] || ''; };
}

function draw(text) {
  var asked = JSON.parse(text), option = asked.option;
  [].concat(option.xAxis).forEach(named);
  [].concat(option.yAxis).forEach(named);
  option.series.forEach(function (series) {
    if (series.type === 'custom') {
      series.renderItem = chartItems[series.item](series.boxes);
      series.data = series.boxes.map(function (box) { return [box.x0, box.row]; });
    }
  });
  var chart = echarts.init(null, null, {
    renderer: 'svg', ssr: true, width: asked.width, height: asked.height
  });
  try {
    chart.setOption(option);
    return chart.renderToSVGString({useViewBox: true});
  } finally {
    chart.dispose();
  }
}
