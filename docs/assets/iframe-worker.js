// Browsers start no worker from a page that was opened as a file. There a hidden frame runs the search's script instead.
// The site generator loads a script of another host for this, unless one of this name is there.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      // Later and as a copy, as a worker's messages come: whoever sent one has not ended yet.
      inside.postMessage = (data) => {
        const copy = structuredClone(data);
        setTimeout(() => this.tell(new MessageEvent("message", { data: copy })));
      };
      const script = inside.document.createElement("script");
      this.loaded = new Promise((done, failed) => {
        script.onload = done;
        script.onerror = () => {
          failed(new Error(`${address} cannot be loaded`));
          this.tell(new ErrorEvent("error"));
        };
      });
      script.src = new URL(address, document.baseURI).href;
      inside.document.body.append(script);
    }

    tell(event) {
      this.dispatchEvent(event);
      this[`on${event.type}`]?.(event);
    }

    async postMessage(data) {
      const copy = structuredClone(data);
      await this.loaded;
      setTimeout(() => {
        const inside = this.frame.contentWindow; // null once it was terminated
        inside?.dispatchEvent(new inside.MessageEvent("message", { data: copy }));
      });
    }

    terminate() {
      this.frame.remove();
    }
  };
}
