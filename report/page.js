// Draws what the page holds as JSON.  Whatever comes from the database becomes
// text nodes, never markup.
"use strict";
(function () {
	const data = JSON.parse(document.getElementById("data").textContent);
	const dark = window.matchMedia("(prefers-color-scheme: dark)");
	const drawn = new Map(); // element -> specification

	function element(name, parent, text, className) {
		const made = document.createElement(name);
		if (text !== undefined) made.textContent = text;
		if (className) made.className = className;
		if (parent) parent.append(made);
		return made;
	}

	// Charts, in the page's colours
	function config() {
		const style = getComputedStyle(document.documentElement);
		const text = style.getPropertyValue("--text").trim();
		const line = style.getPropertyValue("--line").trim();
		return {
			background: "transparent",
			view: { stroke: line },
			title: { color: text, subtitleColor: text },
			axis: { labelColor: text, titleColor: text, domainColor: line, tickColor: line, gridColor: line },
			legend: { labelColor: text, titleColor: text },
		};
	}

	function draw(place, specification) {
		drawn.set(place, specification);
		return vegaEmbed(place, specification, { actions: false, renderer: "svg", config: config() });
	}

	function redraw() {
		return Promise.all([...drawn].map(([place, specification]) => draw(place, specification)));
	}

	// A curve as a line that breaks where epochs are missing
	function sparkline(curve) {
		const space = "http://www.w3.org/2000/svg";
		const width = 120, height = 28, edge = 2;
		const svg = document.createElementNS(space, "svg");
		const path = document.createElementNS(space, "path");
		const losses = curve.filter((loss) => loss !== null);
		const top = Math.max(0, ...losses), bottom = Math.min(0, ...losses);
		let steps = "", pen = false;
		curve.forEach((loss, epoch) => {
			if (loss === null) {
				pen = false;
				return;
			}
			const x = edge + (width - 2 * edge) * (curve.length > 1 ? epoch / (curve.length - 1) : 0.5);
			const y = edge + (height - 2 * edge) * (top > bottom ? (top - loss) / (top - bottom) : 1);
			steps += `${pen ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
			if (!pen) steps += "h0"; // a lonely epoch is a dot
			pen = true;
		});
		path.setAttribute("d", steps);
		svg.setAttribute("class", "sparkline");
		svg.setAttribute("width", width);
		svg.setAttribute("height", height);
		svg.setAttribute("role", "img");
		svg.setAttribute("aria-label", `${curve.length} epochs, losses from ${bottom} to ${top}`);
		svg.append(path);
		return svg;
	}

	// Tables: columns are {title, value(row), show(row)?, number?}
	const shown = (value) => (value === null ? "–" : String(value));
	const digits = (n) => (value) => (value === null ? "–" : value.toFixed(n));

	function compare(a, b, direction) {
		if (a === null || b === null) return (a === null) - (b === null);
		if (typeof a === "number") return direction * (a - b);
		return direction * a.localeCompare(b, undefined, { numeric: true });
	}

	function table(place, caption, columns, rows, makeRow) {
		const heads = element("tr", element("thead", null));
		const body = element("tbody", null);

		function fill() {
			body.replaceChildren(...rows.map(makeRow));
		}

		function sortBy(head, column) {
			const up = head.getAttribute("aria-sort") !== "ascending";
			for (const other of heads.children) other.removeAttribute("aria-sort");
			head.setAttribute("aria-sort", up ? "ascending" : "descending");
			rows.sort((a, b) => compare(column.value(a), column.value(b), up ? 1 : -1));
			fill();
		}

		element("caption", place, caption);
		for (const column of columns) {
			const head = element("th", heads, column.value ? undefined : column.title, column.number && "number");
			head.scope = "col";
			if (!column.value) continue;
			element("button", head, column.title).addEventListener("click", () => sortBy(head, column));
		}
		place.append(heads.parentNode, body);
		fill();
	}

	function cells(columns, row) {
		const line = element("tr", null);
		for (const column of columns) {
			const cell = element("td", line, undefined, column.number && "number");
			cell.append(column.show ? column.show(row) : shown(column.value(row)));
		}
		return line;
	}

	// A row, and below it, once it was asked for, its chart
	function suspect(columns, row) {
		const line = cells(columns, row);
		line.className = "row";
		line.tabIndex = 0;
		line.setAttribute("aria-expanded", "false");
		function toggle() {
			const open = line.getAttribute("aria-expanded") === "true";
			line.setAttribute("aria-expanded", String(!open));
			if (open) {
				drawn.delete(line.nextSibling.firstChild.firstChild);
				line.nextSibling.remove();
				return;
			}
			const detail = document.createElement("tr");
			line.after(detail);
			const cell = element("td", detail);
			cell.colSpan = columns.length;
			cell.style.maxWidth = "none";
			draw(element("div", cell, undefined, "chart"), row.chart).catch(failed);
		}
		line.addEventListener("click", toggle);
		line.addEventListener("keydown", (event) => {
			if (event.key !== "Enter" && event.key !== " ") return;
			event.preventDefault();
			toggle();
		});
		return line;
	}

	const column = (title, name, n) => ({
		title,
		number: n !== undefined,
		value: (row) => row[name],
		show: (row) => (n === undefined ? shown : digits(n))(row[name]),
	});

	function failed(error) {
		document.documentElement.dataset.state = "failed";
		console.error(error);
	}

	const info = data.info;
	const total = data.counts.reduce((sum, row) => sum + row.rows, 0);
	const stale = data.counts.reduce((sum, row) => sum + row.stale, 0);
	document.getElementById("facts").textContent =
		`${data.names.source}, tagged in ${data.names.tags} (${total} rows) by the suite of ${data.names.suite}: ` +
		`${info.probes} probes, ${info.labels.length} labels, ${info.epochs} epochs, k = ${info.k}, ` +
		`metric ${info.metric}, weights ${info.weights}, hash ${info.hash}. As of ${info.made_at}.`;
	if (stale > 0) {
		const notice = document.getElementById("stale");
		notice.textContent = `${stale} of ${total} tags were given by another suite than this: refresh_tags brings them up to date.`;
		notice.hidden = false;
	}

	const countColumns = [
		{ title: "label", value: (row) => row.label, show: (row) => (row.label === null ? "(no tag)" : row.label) },
		column("rows", "rows", 0),
		{ title: "share", number: true, value: (row) => row.rows, show: (row) => `${((100 * row.rows) / total).toFixed(1)} %` },
		column("mean probability", "probability", 3),
		column("mean score", "score", 3),
		column("mean novelty", "novelty", 2),
	];
	table(document.getElementById("counts"), `${total} rows`, countColumns, data.counts,
		(row) => cells(countColumns, row));

	const columns = [
		...data.columns.map((title, n) => ({ title, value: (row) => row.key[n] })),
		{ title: "curve", show: (row) => (row.curve === null ? "–" : sparkline(row.curve)) },
		column("score", "score", 4),
		column("probability", "probability", 2),
		column("runner-up", "runner_up"),
		column("margin", "margin", 2),
		column("distance", "distance", 3),
		column("novelty", "novelty", 2),
		{ title: "nearest probes", show: (row) => (row.neighbours || []).map((n) => `${n.count} ${n.label}`).join(", ") },
	];
	document.getElementById("suspects-title").textContent = `The most suspicious rows: ${data.label}`;
	table(document.getElementById("suspects"),
		`${data.suspects.length} rows with this tag, the highest scores first`, columns, data.suspects,
		(row) => suspect(columns, row));

	draw(document.getElementById("suite-chart"), info.suite_chart)
		.then(() => draw(document.getElementById("confusion-chart"), info.confusion_chart))
		.then(() => draw(document.getElementById("reliability-chart"), info.reliability_chart))
		.then(() => draw(document.getElementById("tag-chart"), info.tag_chart))
		.then(() => { document.documentElement.dataset.state = "ready"; }, failed);
	dark.addEventListener("change", () => redraw().catch(failed));
})();
