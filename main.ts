console.log("pushpin");
